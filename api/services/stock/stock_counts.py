"""Counts: recorded, decided by another person where much differs, posted as adjustments."""

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from api import pagination
from api.dependencies import Services, actor
from api.errors import Problem
from api.replies import Reply
from api.schemas.stock_counts import CountedLine, NewCount
from api.services.stock.stock_movements import StockRequest
from domain.errors import Conflict, RuleBroken
from domain.stock.cases import StockCaseKind
from domain.stock.counting import CountLimits, CountLine, CountStatus, needs_approval, require_once
from infra.db.engine import Connection
from infra.db.stock import cases, counts, locations, movements
from infra.db.stock.cases import NewCase
from infra.db.stock.counts import StockCount

_OLDEST = timedelta(days=7)


class CountLineFields(TypedDict):
    """What was counted of a SKU, and what was expected."""

    sku: str
    location: str | None
    counted: int
    expected: int
    difference: int


class CountFields(TypedDict):
    """A count as callers see it, with the cases that it opened."""

    count_id: str
    status: CountStatus
    warehouse: str
    reference: str
    counted_by: str
    counted_at: datetime
    decided_by: str | None
    posted_at: datetime | None
    lines: list[CountLineFields]
    cases: list[int]


async def record(asked: StockRequest, new: NewCount) -> Reply:
    """Raises Problem `lines_needed`; RuleBroken `counted_twice`, `unknown_warehouse`, `unknown_location`,
    `location_closed`, `invalid_count_time`; NotFound `product_not_found`; Conflict `count_exists`."""
    if not new.lines:
        raise Problem("lines_needed")
    require_once((line.sku, line.location or "") for line in new.lines)
    moment = _moment(new.counted_at)

    async def work(conn: Connection) -> CountFields:
        counted = sorted(new.lines, key=lambda one: one.sku)
        for line in counted:
            await _require_place(conn, new.warehouse, line)
        count_id = f"ct_{asked.unique('count')}"
        await counts.begin(conn, counts.NewCount(count_id, new.warehouse, new.reference, actor(asked.caller), moment))
        lines = [await _line(conn, new.warehouse, line, moment) for line in counted]
        count = await counts.add_lines(conn, count_id, lines)
        if needs_approval(lines, await counts.prices(conn, [line.sku for line in lines]), _limits(asked.services)):
            await counts.set_status(conn, count_id, CountStatus.AWAITING_APPROVAL)
            return view(await counts.find(conn, count_id), [])
        return await _post(conn, asked, count, None)

    return await asked.run(work, 201)


def _limits(services: Services) -> CountLimits:
    return CountLimits(services.settings.count_approval_units, services.settings.count_approval_minor)


def _moment(typed: str | None) -> datetime | None:
    """When it was counted; None for now."""
    if typed is None:
        return None
    now = datetime.now(UTC)
    try:
        found = datetime.fromisoformat(typed)
    except ValueError:
        raise RuleBroken("invalid_count_time") from None
    if found.tzinfo is None or not now - _OLDEST <= found <= now:
        raise RuleBroken("invalid_count_time")
    return found


async def _require_place(conn: Connection, warehouse: str, line: CountedLine) -> None:
    await movements.place_of(conn, line.sku, warehouse)
    if line.location is not None:
        await locations.require_open(conn, warehouse, line.location)


async def _line(conn: Connection, warehouse: str, line: CountedLine, moment: datetime | None) -> CountLine:
    if line.location is not None:
        at_location = await locations.level_at(conn, line.sku, warehouse, line.location, moment)
        return CountLine(line.sku, line.location, line.counted, at_location)
    expected = await counts.book_quantity(conn, line.sku, warehouse, moment)
    return CountLine(line.sku, "", line.counted, expected)


async def _post(conn: Connection, asked: StockRequest, count: StockCount, decided_by: str | None) -> CountFields:
    """Write the adjustments; where orders hold more than was counted, nothing is written and each SKU is a case."""
    if short := await counts.short_lines(conn, count):
        await counts.set_status(conn, count.count_id, CountStatus.SHORT, decided_by)
        opened = [await _open(conn, asked, count, one) for one in short]
        return view(await counts.find(conn, count.count_id), [number for number in opened if number is not None])
    who = actor(asked.caller)
    await counts.post(conn, count, who, decided_by)
    for sku in {line.sku for line in count.lines}:
        await cases.over(conn, StockCaseKind.COUNT_SHORT, f"{count.count_id} {sku}", count.reference, who)
    return view(await counts.find(conn, count.count_id), [])


async def _open(conn: Connection, asked: StockRequest, count: StockCount, short: counts.ShortLine) -> int | None:
    subject, owner = f"{count.count_id} {short.sku}", count.counted_by.partition(":")[2]
    new = NewCase(
        StockCaseKind.COUNT_SHORT, subject, actor(asked.caller), count.warehouse, short.sku, short.units,
        count_id=count.count_id, orders=short.orders,
    )  # fmt: skip
    number = await cases.open_case(conn, new)
    if number is not None:
        await cases.set_owner(conn, number, owner)
    return number


async def approve(asked: StockRequest, count_id: str) -> Reply:
    """Another person agrees. Raises NotFound `count_not_found`, Conflict `count_closed`; the database refuses the
    person who counted."""

    async def work(conn: Connection) -> CountFields:
        count = await _locked(conn, count_id, CountStatus.AWAITING_APPROVAL)
        return await _post(conn, asked, count, actor(asked.caller))

    return await asked.run(work, 200)


async def refuse(asked: StockRequest, count_id: str) -> Reply:
    """Another person disagrees: it is to be counted again. Raises as `approve` does."""

    async def work(conn: Connection) -> CountFields:
        count = await _locked(conn, count_id, CountStatus.AWAITING_APPROVAL)
        await counts.set_status(conn, count.count_id, CountStatus.REFUSED, actor(asked.caller))
        return view(await counts.find(conn, count_id), [])

    return await asked.run(work, 200)


async def post(asked: StockRequest, count_id: str) -> Reply:
    """Post a count again that was short. Raises NotFound `count_not_found`, Conflict `count_closed`."""

    async def work(conn: Connection) -> CountFields:
        count = await _locked(conn, count_id, CountStatus.SHORT)
        return await _post(conn, asked, count, None)

    return await asked.run(work, 200)


async def _locked(conn: Connection, count_id: str, status: CountStatus) -> StockCount:
    count = await counts.find(conn, count_id, lock=True)
    if count.status is not status:
        raise Conflict("count_closed", "the count is {status}: this step is not possible", status=count.status)
    return count


async def one(services: Services, count_id: str) -> StockCount:
    """Raises NotFound `count_not_found`."""
    async with services.database.begin() as conn:
        return await counts.find(conn, count_id)


async def page(
    services: Services, status: CountStatus | None, limit: int, cursor: str | None
) -> tuple[list[StockCount], str | None]:
    """A page, the newest first, and the cursor of the next one. Raises Problem `invalid_cursor`."""
    moment, last = pagination.decoded(cursor, str, str) if cursor else ("", "")
    after = (pagination.moment(moment), last) if cursor else None
    async with services.database.begin() as conn:
        found = await counts.page(conn, status, after, limit + 1)
    end = found[limit - 1] if len(found) > limit else None
    return found[:limit], pagination.encoded([end.created_at.isoformat(), end.count_id]) if end else None


def count_of(reply: Reply) -> str:
    """The count that this reply is about."""
    return str(reply.content["count_id"])


def status_of(reply: Reply) -> str:
    """The status of the count after the action."""
    return str(reply.content["status"])


def view(count: StockCount, opened: list[int]) -> CountFields:
    """A count as callers see it."""
    return {
        "count_id": count.count_id,
        "status": count.status,
        "warehouse": count.warehouse,
        "reference": count.reference,
        "counted_by": count.counted_by,
        "counted_at": count.counted_at,
        "decided_by": count.decided_by,
        "posted_at": count.posted_at,
        "lines": [
            {
                "sku": line.sku,
                "location": line.location or None,
                "counted": line.counted,
                "expected": line.expected,
                "difference": line.difference,
            }
            for line in count.lines
        ],
        "cases": opened,
    }
