"""Counts: what people counted, what the ledger had at that moment, and the adjustments that follow.

Nothing is frozen: goods go on moving. A line keeps what the ledger had at the moment of counting (`counted_at`): the
level of now less every movement since. Its difference is fixed then, and posting adds it to the level of that time, so
movements in between count once. The rule is that of SAP's "Freeze book inventory balance": a count is compared with the
book quantity at the time of the count, not at the time of posting.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.stock.counting import CountLine, CountStatus, SalesPrice
from domain.stock.movements import MovementKind
from infra.db.stock import locations, movements
from infra.db.stock.locations import Place
from infra.db.stock.movements import Move, Moved

_LOCK = text("SELECT on_hand, reserved FROM stock_levels WHERE sku = :sku AND warehouse = :warehouse FOR NO KEY UPDATE")
_SINCE = text(
    """SELECT coalesce(sum(on_hand_delta), 0) FROM stock_movements
        WHERE sku = :sku AND warehouse = :warehouse AND created_at > :moment"""
)
_ADD = text(
    """
    INSERT INTO stock_counts (count_id, warehouse, reference, status, counted_by, counted_at)
    VALUES (:count_id, :warehouse, :reference, 'short', :counted_by, coalesce(CAST(:counted_at AS timestamptz), now()))
    ON CONFLICT (reference) DO NOTHING RETURNING count_id
    """
)
_ADD_LINE = text(
    """INSERT INTO stock_count_lines (count_id, sku, location, counted, expected)
       VALUES (:count_id, :sku, :location, :counted, :expected)"""
)
_COLUMNS = """SELECT count_id, warehouse, reference, status, counted_by, counted_at, decided_by, posted_at, created_at
                FROM stock_counts """
_ONE = text(_COLUMNS + "WHERE count_id = :count_id")
_LOCKED = text(_COLUMNS + "WHERE count_id = :count_id FOR UPDATE")
_PAGE = text(
    _COLUMNS
    + """
     WHERE (CAST(:status AS text) IS NULL OR status = :status)
       AND (CAST(:moment AS timestamptz) IS NULL OR (created_at, count_id) < (:moment, :last))
     ORDER BY created_at DESC, count_id DESC LIMIT :limit
    """
)
_FOR_APPROVAL = text(
    _COLUMNS
    + """
     WHERE (status = 'awaiting_approval' AND :open OR decided_by IS NOT NULL AND NOT :open)
       AND (CAST(:moment AS timestamptz) IS NULL OR (created_at, count_id) < (:moment, :last))
     ORDER BY created_at DESC, count_id DESC LIMIT :limit
    """
)
_LINES = text(
    """SELECT count_id, sku, location, counted, expected FROM stock_count_lines
        WHERE count_id = ANY(CAST(:ids AS text[])) ORDER BY sku, location"""
)
_STATUS = text(
    """UPDATE stock_counts SET status = :status, decided_by = coalesce(CAST(:decided_by AS text), decided_by),
              posted_at = CASE WHEN CAST(:status AS text) = 'posted' THEN now() END
        WHERE count_id = :count_id"""
)
_MOVED = text(
    """UPDATE stock_count_lines SET movement_id = :movement_id
        WHERE count_id = :count_id AND sku = :sku AND location = :location"""
)
_HOLDERS = text(
    """SELECT DISTINCT order_no FROM reservations WHERE sku = :sku AND warehouse = :warehouse AND state = 'reserved'
        ORDER BY order_no LIMIT 50"""
)
_PRICES = text("SELECT sku, currency, price_minor FROM products WHERE sku = ANY(CAST(:skus AS text[]))")


@dataclass(frozen=True, slots=True)
class NewCount:
    """A count to record; `counted_at` is None for now."""

    count_id: str
    warehouse: str
    reference: str
    counted_by: str
    counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class StockCount:
    """A count with its lines by SKU and location."""

    count_id: str
    warehouse: str
    reference: str
    status: CountStatus
    counted_by: str
    counted_at: datetime
    decided_by: str | None
    posted_at: datetime | None
    created_at: datetime
    lines: list[CountLine]


@dataclass(frozen=True, slots=True)
class ShortLine:
    """A SKU of which orders hold more than was counted: `units` too many, by `orders`."""

    sku: str
    units: int
    orders: list[str]


async def book_quantity(conn: AsyncConnection, sku: str, warehouse: str, moment: datetime | None) -> int:
    """What the ledger had at the moment; the level is locked until the end of the transaction."""
    where = {"sku": sku, "warehouse": warehouse}
    await movements.open_level(conn, sku, warehouse)
    on_hand = int((await conn.execute(_LOCK, where)).one().on_hand)
    return on_hand - int((await conn.execute(_SINCE, {**where, "moment": moment})).scalar_one() if moment else 0)


async def add(conn: AsyncConnection, new: NewCount, lines: Sequence[CountLine]) -> StockCount:
    """A count whose lines are known. Raises Conflict `count_exists` where the reference is used."""
    await begin(conn, new)
    return await add_lines(conn, new.count_id, lines)


async def begin(conn: AsyncConnection, new: NewCount) -> None:
    """Before the levels are read: its audit entry comes before their locks, as in every movement by a person, or two
    acts of one person wait for each other. Raises Conflict `count_exists` where the reference is used."""
    row = {name: getattr(new, name) for name in NewCount.__dataclass_fields__}
    if (await conn.execute(_ADD, row)).scalar_one_or_none() is None:
        raise Conflict("count_exists")


async def add_lines(conn: AsyncConnection, count_id: str, lines: Sequence[CountLine]) -> StockCount:
    """What was counted of a count that has begun."""
    rows = [
        {"count_id": count_id, "sku": one.sku, "location": one.location, "counted": one.counted,
         "expected": one.expected}
        for one in lines
    ]  # fmt: skip
    await conn.execute(_ADD_LINE, rows)
    return await find(conn, count_id)


async def find(conn: AsyncConnection, count_id: str, *, lock: bool = False) -> StockCount:
    """Raises NotFound `count_not_found`."""
    row = (await conn.execute(_LOCKED if lock else _ONE, {"count_id": count_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("count_not_found")
    return (await _with_lines(conn, [row]))[0]


async def page(
    conn: AsyncConnection, status: str | None, after: tuple[datetime, str] | None, limit: int
) -> list[StockCount]:
    """At most `limit`, the newest first."""
    moment, last = after or (None, "")
    question = {"status": status, "moment": moment, "last": last, "limit": limit}
    return await _with_lines(conn, list((await conn.execute(_PAGE, question)).mappings()))


async def for_approval(
    conn: AsyncConnection, *, undecided: bool, before: tuple[datetime, str] | None, limit: int
) -> list[StockCount]:
    """Counts that wait for another person, or that one has decided; at most `limit`, the newest first."""
    moment, last = before or (None, "")
    question = {"open": undecided, "moment": moment, "last": last, "limit": limit}
    return await _with_lines(conn, list((await conn.execute(_FOR_APPROVAL, question)).mappings()))


async def _with_lines(conn: AsyncConnection, rows: list[RowMapping]) -> list[StockCount]:
    found = (await conn.execute(_LINES, {"ids": [row["count_id"] for row in rows]})).mappings()
    lines: dict[str, list[CountLine]] = {}
    for line in found:
        values = dict(line)
        lines.setdefault(values.pop("count_id"), []).append(CountLine(**values))
    return [
        StockCount(**dict(row) | {"status": CountStatus(row["status"])}, lines=lines.get(row["count_id"], []))
        for row in rows
    ]


async def set_status(conn: AsyncConnection, count_id: str, status: CountStatus, decided_by: str | None = None) -> None:
    """Where it stands. The database refuses who counted it as the one who decides."""
    await conn.execute(_STATUS, {"count_id": count_id, "status": status.value, "decided_by": decided_by})


async def short_lines(conn: AsyncConnection, count: StockCount) -> list[ShortLine]:
    """SKUs of which orders would hold more than there is; their levels are locked."""
    found = []
    for sku, difference in sorted(differences(count).items()):
        where = {"sku": sku, "warehouse": count.warehouse}
        level = (await conn.execute(_LOCK, where)).one()
        if (missing := level.reserved - level.on_hand - difference) > 0:
            holders = [row.order_no for row in await conn.execute(_HOLDERS, where)]
            found.append(ShortLine(sku, missing, holders))
    return found


def differences(count: StockCount) -> dict[str, int]:
    """{sku: units} over all its locations."""
    summed: dict[str, int] = {}
    for line in count.lines:
        summed[line.sku] = summed.get(line.sku, 0) + line.difference
    return summed


async def post(conn: AsyncConnection, count: StockCount, actor: str, decided_by: str | None) -> None:
    """Write the adjustments, all of them."""
    for line in count.lines:
        if line.difference:
            moved = await _adjust(conn, count, line, actor)
            where = {"count_id": count.count_id, "sku": line.sku, "location": line.location}
            await conn.execute(_MOVED, {**where, "movement_id": moved.movement_id})
    await set_status(conn, count.count_id, CountStatus.POSTED, decided_by)


async def _adjust(conn: AsyncConnection, count: StockCount, line: CountLine, actor: str) -> Moved:
    """A location that was counted changes by the difference; one that has less by now is empty then."""
    key = f"count:{count.count_id}:{line.sku}@{line.location}"
    move = Move(key, MovementKind.ADJUSTMENT, line.sku, count.warehouse, line.difference, count.reference, actor)
    place = Place(line.sku, count.warehouse, count.reference, actor)
    if line.location and line.difference < 0:
        there = await locations.level(conn, line.sku, count.warehouse, line.location)
        if taken := min(there, -line.difference):
            await locations.change(conn, place, line.location, -taken, counted=True)
    if line.location and line.difference > 0:
        await locations.require_open(conn, count.warehouse, line.location)
    moved = await movements.move(conn, [move])
    if line.location and line.difference > 0:
        await locations.change(conn, place, line.location, line.difference, counted=True)
    return moved


async def prices(conn: AsyncConnection, skus: Sequence[str]) -> dict[str, SalesPrice]:
    """{sku: sales price}."""
    rows = await conn.execute(_PRICES, {"skus": list(skus)})
    return {row.sku: SalesPrice(row.currency, row.price_minor) for row in rows}
