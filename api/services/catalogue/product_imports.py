"""Products imported from a CSV file: a preview of what each row would do, then the rows that are applied."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.services.catalogue.product_rows import Header, compared, sku_of
from domain.access import Principal
from domain.errors import Conflict, NotFound, RuleBroken
from domain.product_imports import MAX_ROWS, RowOutcome
from domain.text import is_line
from infra.csv_files import UnreadableCsv, encoding_of, rows_of
from infra.db.audit import actor_context
from infra.db.catalogue import product_imports, products
from infra.db.catalogue.product_imports import NewImport, ProductImport
from infra.db.engine import Connection

ImportRow = product_imports.ImportRow
_IMPORT_ID = re.compile(r"^imp_[0-9a-f]{32}$")
_AT_ONCE, _EXPORTED, _PIECE = 200, 500, 64 * 1024
# Applied with the request; the relay applies the rest.
_FIRST_PARTS = 2
_MAX_SKU = 64
Numbered = tuple[int, list[str]]


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file and what the browser calls it."""

    name: str
    content: IO[bytes]


async def preview(services: Services, caller: Principal, key: str, file: UploadedFile) -> Reply:
    """Read the file and keep what each row would do; nothing of the catalogue changes. Raises RuleBroken
    `import_unreadable`, `import_columns`, `import_empty`, `import_too_large`."""
    digest, encoding = await asyncio.to_thread(_examined, file.content)

    async def work(conn: Connection) -> ProductImport:
        import_id = f"imp_{derived_id(caller, key, 'import products')}"
        rows = rows_of(file.content, encoding)
        header = _header(rows)
        new = NewImport(import_id, _file_name(file.name), encoding, header.ignored, actor(caller))
        await product_imports.add(conn, new)
        await product_imports.complete(conn, import_id, await _compare(conn, import_id, header, rows))
        return await _found(conn, import_id)

    try:
        return await run_in_transaction(services, request_of(caller, key, digest), 201, work)
    except UnreadableCsv as unreadable:
        raise RuleBroken("import_unreadable", line=unreadable.line) from None


def import_of(reply: Reply) -> str:
    """The import that `preview` made: a value when it is new, JSON when its answer is given again."""
    content = reply.content
    return str(content["import_id"] if isinstance(content, dict) else content.import_id)


def _examined(content: IO[bytes]) -> tuple[bytes, str]:
    """What a repeat must be equal to, and the encoding. Raises RuleBroken `import_unreadable`, `import_too_large`."""
    content.seek(0)
    digest, ends = hashlib.sha256(b"import products\n"), 0
    while piece := content.read(_PIECE):
        digest.update(piece)
        ends += piece.count(b"\n")
    if ends > 4 * MAX_ROWS:
        raise RuleBroken("import_too_large")
    try:
        return digest.digest(), encoding_of(content)
    except UnreadableCsv:
        raise RuleBroken("import_unreadable") from None


def _header(rows: Iterator[Numbered]) -> Header:
    first = next(rows, None)
    if first is None:
        raise RuleBroken("import_empty")
    return Header(first[1])


async def _compare(conn: Connection, import_id: str, header: Header, rows: Iterator[Numbered]) -> int:
    """Keep the rows with what they would do, some at a time; their number."""
    total, lines_of = 0, dict[str, int]()
    while part := list(islice(rows, _AT_ONCE)):
        total += len(part)
        if total > MAX_ROWS:
            raise RuleBroken("import_too_large")
        await product_imports.add_rows(conn, import_id, await _compared(conn, header, part, lines_of))
    if not total:
        raise RuleBroken("import_empty")
    return total


async def _compared(
    conn: Connection, header: Header, part: Sequence[Numbered], lines_of: dict[str, int]
) -> list[ImportRow]:
    """`lines_of` are the SKUs of the file so far, by the line on which each stood first."""
    named = [(line, cells, sku_of(cells, header)) for line, cells in part]
    present = await products.by_skus(conn, [sku for _, _, sku in named if len(sku) <= _MAX_SKU and is_line(sku)])
    found = []
    for line, cells, sku in named:
        row = compared(line, cells, header, present.get(sku))
        first = lines_of.setdefault(sku, line)
        found.append(row if first == line else _twice(row, first))
    return found


def _twice(row: ImportRow, first: int) -> ImportRow:
    error = {"field": "sku", "code": "sku_twice", "line": str(first)}
    return ImportRow(row.line, row.sku, RowOutcome.REFUSED, errors=[error])


async def apply(services: Services, caller: Principal, key: str, import_id: str) -> Reply:
    """Begin to apply the rows that create or change something. Raises NotFound `import_not_found`, Conflict
    `import_applied`."""
    digest = hashlib.sha256(f"apply {import_id}".encode()).digest()

    async def work(conn: Connection) -> ProductImport:
        await _found(conn, import_id)
        if not await product_imports.apply(conn, import_id, actor(caller), caller.origin):
            raise Conflict("import_applied")
        return await _found(conn, import_id)

    answer = await run_in_transaction(services, request_of(caller, key, digest), 202, work)
    for _ in range(_FIRST_PARTS):
        async with services.database.begin() as conn:
            await product_imports.apply_some(conn, actor_context.set_actor)
    return answer


async def found(services: Services, import_id: str) -> ProductImport:
    """Raises NotFound `import_not_found`."""
    async with services.database.begin() as conn:
        return await _found(conn, import_id)


async def _found(conn: Connection, import_id: str) -> ProductImport:
    one = await product_imports.found(conn, import_id) if _IMPORT_ID.match(import_id) else None
    if one is None:
        raise NotFound("import_not_found")
    return one


async def rows(
    services: Services, import_id: str, outcome: RowOutcome | None, limit: int, cursor: str | None
) -> tuple[list[ImportRow], str | None]:
    """A page of its rows, and the cursor of the next one. Raises NotFound `import_not_found`, Problem
    `invalid_cursor`."""
    after = int(pagination.decoded(cursor, int)[0]) if cursor else 0
    async with services.database.begin() as conn:
        await _found(conn, import_id)
        page = await product_imports.rows(conn, import_id, outcome, min(after, 2**31 - 1), limit + 1)
    more = len(page) > limit
    return page[:limit], pagination.encoded([page[limit - 1].line]) if more else None


async def every_row(services: Services, import_id: str) -> AsyncIterator[list[ImportRow]]:
    """All rows, page by page."""
    cursor: str | None = None
    while True:
        page, cursor = await rows(services, import_id, None, _EXPORTED, cursor)
        yield page
        if cursor is None:
            return


def _file_name(name: str) -> str:
    """As it can be shown: the last part of a path, without what cannot be seen."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", "", name.replace("\\", "/").rpartition("/")[2])[
        :200
    ]
