"""Purchase orders. What is open on their lines is `incoming` on the levels: a trigger keeps the sum."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from domain.stock.purchasing import Arrival, ArrivalSource, PurchaseLine, PurchaseOrderStatus

_ADD = text(
    """
    INSERT INTO purchase_orders (number, supplier, warehouse, expected_on, created_by)
    VALUES (:number, :supplier, :warehouse, :expected_on, :created_by) ON CONFLICT DO NOTHING RETURNING number
    """
)
_PUT_LINE = text(
    """
    INSERT INTO purchase_order_lines AS l (number, sku, quantity, over_percent)
    VALUES (:number, :sku, :quantity, :over_percent)
    ON CONFLICT (number, sku) DO UPDATE
       SET quantity = excluded.quantity, over_percent = excluded.over_percent, cancelled = false
     WHERE (l.quantity, l.over_percent, l.cancelled) <> (excluded.quantity, excluded.over_percent, false)
    """
)
_DROP_LINE = text(
    "UPDATE purchase_order_lines SET cancelled = true WHERE number = :number AND sku = :sku AND NOT cancelled"
)
_COLUMNS = """SELECT number, supplier, warehouse, expected_on, status, created_by, created_at, version
                FROM purchase_orders """
_ONE = text(_COLUMNS + "WHERE number = :number")
_LOCKED = text(_COLUMNS + "WHERE number = :number FOR UPDATE")
_PAGE = text(
    _COLUMNS
    + """
     WHERE (CAST(:status AS text) IS NULL OR status = :status)
       AND (CAST(:warehouse AS text) IS NULL OR warehouse = :warehouse)
       AND (CAST(:moment AS timestamptz) IS NULL OR (created_at, number) < (:moment, :last))
     ORDER BY created_at DESC, number DESC LIMIT :limit
    """
)
_LINES = text(
    """SELECT number, sku, quantity, received, over_percent, cancelled, open FROM purchase_order_lines
        WHERE number = ANY(CAST(:numbers AS text[])) ORDER BY sku"""
)
_CHANGE = text(
    """UPDATE purchase_orders SET supplier = :supplier, expected_on = :expected_on, status = :status
        WHERE number = :number"""
)
_CANCEL_LINES = text(
    """WITH open AS (SELECT sku FROM purchase_order_lines WHERE number = :number ORDER BY sku FOR UPDATE)
       UPDATE purchase_order_lines l SET cancelled = true FROM open WHERE l.number = :number AND l.sku = open.sku"""
)
_LINK = text("INSERT INTO purchase_receipts (movement_id, number) VALUES (:movement_id, :number)")
# A transfer's day is that on which it is late.
_ARRIVALS = text(
    """
    SELECT l.sku, p.warehouse, l.open AS quantity, p.expected_on, 'purchase_order' AS source, p.number AS reference
      FROM purchase_order_lines l JOIN purchase_orders p USING (number)
     WHERE l.sku = ANY(CAST(:skus AS text[])) AND l.open > 0
    UNION ALL
    SELECT l.sku, t.target, l.shipped - l.received - l.lost, CAST(t.due_at AT TIME ZONE 'UTC' AS date), 'transfer',
           t.transfer_id
      FROM stock_transfer_lines l JOIN stock_transfers t USING (transfer_id)
     WHERE t.status = 'shipped' AND l.sku = ANY(CAST(:skus AS text[])) AND l.shipped > l.received + l.lost
       AND t.due_at IS NOT NULL
     ORDER BY expected_on, sku, warehouse, reference
    """
)


@dataclass(frozen=True, slots=True)
class PurchaseOrder:
    """A purchase order with its lines by SKU."""

    number: str
    supplier: str
    warehouse: str
    expected_on: date
    status: PurchaseOrderStatus
    created_by: str
    created_at: datetime
    version: int
    lines: list[PurchaseLine]

    @property
    def shown_lines(self) -> list[PurchaseLine]:
        """Without those that a change has removed."""
        return [one for one in self.lines if not one.cancelled or self.status is PurchaseOrderStatus.CANCELLED]


@dataclass(frozen=True, slots=True)
class NewPurchaseOrder:
    """A purchase order to add."""

    number: str
    supplier: str
    warehouse: str
    expected_on: date
    created_by: str


async def add(
    conn: AsyncConnection, new: NewPurchaseOrder, units: Mapping[str, int], over_percent: int
) -> PurchaseOrder:
    """Raises Conflict `purchase_order_exists`."""
    row = {name: getattr(new, name) for name in NewPurchaseOrder.__dataclass_fields__}
    if (await conn.execute(_ADD, row)).scalar_one_or_none() is None:
        raise Conflict("purchase_order_exists")
    await _put_lines(conn, new.number, units, over_percent)
    return await find(conn, new.number)


async def _put_lines(conn: AsyncConnection, number: str, units: Mapping[str, int], over_percent: int) -> None:
    for sku, quantity in sorted(units.items()):  # levels are locked in this order, as orders lock theirs
        line = {"number": number, "sku": sku, "quantity": quantity, "over_percent": over_percent}
        await conn.execute(_PUT_LINE, line)


async def find(conn: AsyncConnection, number: str, *, lock: bool = False) -> PurchaseOrder:
    """Raises NotFound `purchase_order_not_found`."""
    row = (await conn.execute(_LOCKED if lock else _ONE, {"number": number})).mappings().one_or_none()
    if row is None:
        raise NotFound("purchase_order_not_found")
    return (await _with_lines(conn, [row]))[0]


async def page(
    conn: AsyncConnection, status: str | None, warehouse: str | None, after: tuple[datetime, str] | None, limit: int
) -> list[PurchaseOrder]:
    """At most `limit`, the newest first."""
    moment, last = after or (None, "")
    question = {"status": status, "warehouse": warehouse, "moment": moment, "last": last, "limit": limit}
    return await _with_lines(conn, list((await conn.execute(_PAGE, question)).mappings()))


async def _with_lines(conn: AsyncConnection, rows: list[RowMapping]) -> list[PurchaseOrder]:
    found = (await conn.execute(_LINES, {"numbers": [row["number"] for row in rows]})).mappings()
    lines: dict[str, list[PurchaseLine]] = {}
    for line in found:
        values = dict(line)
        lines.setdefault(values.pop("number"), []).append(PurchaseLine(**values))
    return [
        PurchaseOrder(**dict(row) | {"status": PurchaseOrderStatus(row["status"])}, lines=lines.get(row["number"], []))
        for row in rows
    ]


async def change(
    conn: AsyncConnection, order: PurchaseOrder, supplier: str, expected_on: date, units: Mapping[str, int] | None,
    over_percent: int,
) -> PurchaseOrder:  # fmt: skip
    """Write what it is from now on; `units` is the whole new set. The caller has locked it and checked the set."""
    if units is not None:
        for line in order.lines:
            if line.sku not in units:
                await conn.execute(_DROP_LINE, {"number": order.number, "sku": line.sku})
        await _put_lines(conn, order.number, units, over_percent)
    await _update(conn, order, supplier, expected_on)
    return await find(conn, order.number)


async def _update(conn: AsyncConnection, order: PurchaseOrder, supplier: str, expected_on: date) -> None:
    """With the status that follows from the lines."""
    lines = (await find(conn, order.number)).lines
    received = PurchaseOrderStatus.OPEN if any(line.open for line in lines) else PurchaseOrderStatus.RECEIVED
    row = {"number": order.number, "supplier": supplier, "expected_on": expected_on, "status": received.value}
    await conn.execute(_CHANGE, row)


async def cancel(conn: AsyncConnection, order: PurchaseOrder) -> None:
    """Nothing more is expected. What was received stays."""
    await conn.execute(_CANCEL_LINES, {"number": order.number})
    row = {"number": order.number, "supplier": order.supplier, "expected_on": order.expected_on}
    await conn.execute(_CHANGE, {**row, "status": PurchaseOrderStatus.CANCELLED.value})


async def received(conn: AsyncConnection, order: PurchaseOrder, movement_id: int) -> None:
    """A receipt is one of this purchase order."""
    await conn.execute(_LINK, {"movement_id": movement_id, "number": order.number})
    await _update(conn, order, order.supplier, order.expected_on)


async def expected_arrivals(conn: AsyncConnection, skus: Sequence[str]) -> list[Arrival]:
    """Units that are on their way to a warehouse, the earliest first: open lines of purchase orders, and transfers in
    transit."""
    rows = (await conn.execute(_ARRIVALS, {"skus": list(skus)})).mappings()
    return [Arrival(**dict(row) | {"source": ArrivalSource(row["source"])}) for row in rows]
