"""Imports of products: what was uploaded and previewed, and its rows as they are applied, some at a time."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.json_types import JsonFields
from domain.product_imports import DUE, ImportState, RowOutcome
from infra.db.catalogue import products
from infra.db.catalogue.products import NewProduct
from infra.db.driver_types import DriverRow
from infra.db.literals import literals

AT_ONCE = 100
SetActor = Callable[[AsyncConnection, str, str], Awaitable[None]]
_ADD = text(
    """INSERT INTO product_imports (import_id, file_name, encoding, ignored, total, created_by)
       VALUES (:import_id, :file_name, :encoding, :ignored, 0, :created_by)"""
)
_FORGET = text("DELETE FROM product_imports WHERE state = 'preview' AND created_at < now() - interval '1 day'")
_COUNT = text("UPDATE product_imports SET total = :total WHERE import_id = :import_id")
_ADD_ROWS = text(
    """
    INSERT INTO product_import_rows (import_id, line, sku, outcome, version, product, changes, errors)
    SELECT :import_id, r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb))
      AS r(line integer, sku text, outcome text, version bigint, product jsonb, changes jsonb, errors jsonb)
    """
)
_FOUND = text(
    """
    SELECT i.import_id, i.file_name, i.encoding, i.ignored, i.total, i.state, i.created_by, i.created_at, i.applied_by,
           i.applied_at, i.finished_at,
           coalesce((SELECT jsonb_object_agg(c.outcome, c.number) FROM (
             SELECT r.outcome, count(*) AS number FROM product_import_rows r WHERE r.import_id = i.import_id
              GROUP BY r.outcome) c), '{}') AS counts
      FROM product_imports i WHERE i.import_id = :import_id
    """
)
_ROWS = text(
    """
    SELECT line, sku, outcome, version, product, changes, errors FROM product_import_rows
     WHERE import_id = :import_id AND line > :after
       AND (CAST(:outcome AS text) IS NULL OR outcome = CAST(:outcome AS text))
     ORDER BY line LIMIT :limit
    """
)
_APPLY = text(
    """
    UPDATE product_imports SET state = 'applying', applied_by = :actor, origin = :origin, applied_at = now()
     WHERE import_id = :import_id AND state = 'preview' RETURNING import_id
    """
)
_NEXT = text(
    """
    SELECT import_id, applied_by, coalesce(origin, '') AS origin FROM product_imports
     WHERE state = 'applying' ORDER BY applied_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    """
)
_DUE = text(
    f"""
    SELECT line, sku, outcome, version, product, changes, errors FROM product_import_rows
     WHERE import_id = :import_id AND outcome IN ({literals(DUE)}) ORDER BY line LIMIT :limit
    """  # noqa: S608
)
_OUTCOMES = text(
    """
    UPDATE product_import_rows p SET outcome = r.outcome, errors = r.errors
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(line integer, outcome text, errors jsonb)
     WHERE p.import_id = :import_id AND p.line = r.line
    """
)
_DONE = text("UPDATE product_imports SET state = 'done', finished_at = now() WHERE import_id = :import_id")


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A row of the file. `product` is what it makes of the product, `version` the one that it was compared with;
    `changes` has the fields with what they were and what they become, `errors` what is wrong with which field."""

    line: int
    sku: str
    outcome: RowOutcome
    version: int | None = None
    product: JsonFields | None = None
    changes: dict[str, list[str]] = field(default_factory=dict)
    errors: list[dict[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ProductImport:
    """An import; `counts` are its rows by outcome, `ignored` the columns of the file that say nothing here."""

    import_id: str
    file_name: str
    encoding: str
    ignored: list[str]
    total: int
    state: ImportState
    created_by: str
    created_at: datetime
    applied_by: str | None
    applied_at: datetime | None
    finished_at: datetime | None
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class NewImport:
    """What was uploaded."""

    import_id: str
    file_name: str
    encoding: str
    ignored: list[str]
    created_by: str


async def add(conn: AsyncConnection, new: NewImport) -> None:
    """Begin a preview. Those that nobody applied within a day are deleted."""
    await conn.execute(_FORGET)
    await conn.execute(_ADD, asdict(new))


async def add_rows(conn: AsyncConnection, import_id: str, rows: Sequence[ImportRow]) -> None:
    """Rows of the preview."""
    encoded = orjson.dumps([asdict(row) for row in rows]).decode()
    await conn.execute(_ADD_ROWS, {"import_id": import_id, "rows": encoded})


async def complete(conn: AsyncConnection, import_id: str, total: int) -> None:
    """The preview has all of its rows."""
    await conn.execute(_COUNT, {"import_id": import_id, "total": total})


async def found(conn: AsyncConnection, import_id: str) -> ProductImport | None:
    """The import with this id."""
    row = (await conn.execute(_FOUND, {"import_id": import_id})).mappings().one_or_none()
    return ProductImport(**{**row, "state": ImportState(row["state"])}) if row else None


async def rows(
    conn: AsyncConnection, import_id: str, outcome: RowOutcome | None, after: int, limit: int
) -> list[ImportRow]:
    """At most `limit` rows of this outcome behind line `after`."""
    question = {"import_id": import_id, "outcome": outcome, "after": after, "limit": limit}
    return [_row(row) for row in (await conn.execute(_ROWS, question)).mappings()]


async def apply(conn: AsyncConnection, import_id: str, actor: str, origin: str) -> bool:
    """From now on its rows are applied; False where they are already."""
    question = {"import_id": import_id, "actor": actor, "origin": origin}
    return (await conn.execute(_APPLY, question)).first() is not None


async def apply_some(conn: AsyncConnection, set_actor: SetActor) -> bool:
    """Apply the next rows of the import that waits longest; False where none waits. The changes and the outcome of
    each row are one transaction: after an interruption the rest is applied. `set_actor` names who does it."""
    waiting = (await conn.execute(_NEXT)).one_or_none()
    if waiting is None:
        return False
    await set_actor(conn, waiting.applied_by, waiting.origin)
    question = {"import_id": waiting.import_id, "limit": AT_ONCE}
    due = [_row(row) for row in (await conn.execute(_DUE, question)).mappings()]
    done = [await _applied(conn, row) for row in due]
    outcomes = orjson.dumps([{"line": row.line, "outcome": row.outcome, "errors": row.errors} for row in done])
    await conn.execute(_OUTCOMES, {"import_id": waiting.import_id, "rows": outcomes.decode()})
    if len(due) < AT_ONCE:
        await conn.execute(_DONE, {"import_id": waiting.import_id})
    return True


def _row(row: DriverRow) -> ImportRow:
    return ImportRow(**{**row, "outcome": RowOutcome(row["outcome"])})


async def _applied(conn: AsyncConnection, row: ImportRow) -> ImportRow:
    """The row with what became of it; what cannot be applied leaves the others alone."""
    assert row.product is not None  # the row is due
    wanted = NewProduct(**row.product)
    try:
        async with conn.begin_nested():
            if row.outcome is RowOutcome.CREATE:
                await products.add_product(conn, wanted)
                return replace(row, outcome=RowOutcome.CREATED)
            await _change(conn, row, wanted)
            return replace(row, outcome=RowOutcome.CHANGED)
    except Conflict as conflict:
        at = "barcode" if conflict.code == "barcode_exists" else "sku"
        return replace(row, outcome=RowOutcome.FAILED, errors=[{"field": at, "code": conflict.code}])


async def _change(conn: AsyncConnection, row: ImportRow, wanted: NewProduct) -> None:
    """Raises Conflict `product_changed` where somebody else changed it after the preview."""
    current = await products.product(conn, row.sku, lock=True)
    if current is None or current.version != row.version:
        raise Conflict("product_changed")
    values = {name: value for name, value in asdict(wanted).items() if name not in ("sku", "currency", "picture_id")}
    await products.change(conn, replace(current, **values))
