"""Bills of carriers: uploaded, compared with what was booked, and shown with their differences."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import IO

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.freight import BillFields
from api.services.shipping.carrier_bill_file import blocks_of
from domain.access import Principal, Role
from domain.errors import NotFound, RuleBroken
from infra.csv_files import UnreadableCsv, encoding_of
from infra.db.engine import Connection
from infra.db.shipping import carrier_bills
from infra.db.shipping.carrier_bills import Block, CarrierBill, KindCount, NewBill

# Who uploads bills and decides about their differences.
WORKED_ON_BY = (Role.FINANCE,)
_BILL_ID = re.compile(r"^bill_[0-9a-f]{32}$")
_PIECE = 1 << 20
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class UploadedBill:
    """A file and what the browser calls it."""

    name: str
    content: IO[bytes]


@dataclass(frozen=True, slots=True)
class ShownBill:
    """A bill with the sum of its lines in its own currency, and its differences by kind and state."""

    bill: CarrierBill
    billed_minor: int
    differences: list[KindCount]


async def upload(services: Services, caller: Principal, key: str, fields: BillFields, file: UploadedBill) -> Reply:
    """Keep the lines of a bill and compare the first of them; the relay compares the rest. Raises Conflict
    `carrier_bill_exists`; RuleBroken `import_unreadable`, `import_empty`, `carrier_bill_columns`,
    `carrier_bill_too_long`."""
    digest, encoding = await asyncio.to_thread(_examined, file.content)
    asked = hashlib.sha256(fields.model_dump_json().encode() + digest).digest()
    bill_id = f"bill_{derived_id(caller, key, 'carrier bill')}"
    name = _INVISIBLE.sub("", file.name.replace("\\", "/").rpartition("/")[2])[:200]
    new = NewBill(bill_id, fields.carrier, fields.bill_no, fields.currency, name, digest, encoding, actor(caller))

    async def work(conn: Connection) -> CarrierBill:
        await carrier_bills.add(conn, new)
        lines = blocks_of(file.content, encoding, bill_id, fields.currency)
        await carrier_bills.copy_lines(conn, bill_id, _read_aside(lines))
        return await _found(conn, bill_id)

    try:
        answer = await run_in_transaction(services, request_of(caller, key, asked), 202, work)
    except UnreadableCsv as unreadable:
        raise RuleBroken("import_unreadable", line=unreadable.line) from None
    async with services.database.begin() as conn:
        await carrier_bills.compare_some(conn)
    return answer


def bill_of(reply: Reply) -> str:
    """The bill that `upload` made: a value when it is new, JSON when its answer is given again."""
    content = reply.content
    return str(content["bill_id"] if isinstance(content, dict) else content.bill_id)


async def one(services: Services, bill_id: str) -> ShownBill:
    """Raises NotFound `carrier_bill_not_found`."""
    async with services.database.begin() as conn:
        bill = await _found(conn, bill_id)
        return ShownBill(bill, await carrier_bills.total_minor(conn, bill), await carrier_bills.kinds(conn, bill_id))


async def progress(services: Services, bill_id: str) -> CarrierBill:
    """How far it is. Raises NotFound `carrier_bill_not_found`."""
    async with services.database.begin() as conn:
        return await _found(conn, bill_id)


async def page(services: Services, limit: int, cursor: str | None) -> tuple[list[CarrierBill], str | None]:
    """A page, the newest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    before = None
    if cursor:
        at, bill_id = pagination.decoded(cursor, str, str)
        before = pagination.moment(at), bill_id
    async with services.database.begin() as conn:
        found = await carrier_bills.page(conn, before, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([last.created_at.isoformat(), last.bill_id]) if last else None


async def _found(conn: Connection, bill_id: str) -> CarrierBill:
    bill = await carrier_bills.found(conn, bill_id) if _BILL_ID.match(bill_id) else None
    if bill is None:
        raise NotFound("carrier_bill_not_found")
    return bill


async def _read_aside(blocks: Iterator[Block]) -> AsyncIterator[Block]:
    """The file is read in a thread, block by block, so that other requests go on."""
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


def _examined(content: IO[bytes]) -> tuple[bytes, str]:
    """The file's digest and encoding. Raises RuleBroken `import_unreadable`."""
    content.seek(0)
    digest = hashlib.sha256()
    while piece := content.read(_PIECE):
        digest.update(piece)
    try:
        return digest.digest(), encoding_of(content)
    except UnreadableCsv:
        raise RuleBroken("import_unreadable") from None
