"""Lines of an order that ships in several parts: what the parts have, and how a change of them is written."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.shared_changes import PartChange, SharedPart
from infra.db.orders.changing import sealed_changes

_PARTS = text(
    """
    SELECT f.number, f.warehouse, f.status NOT IN ('planned', 'reserved') OR EXISTS (
             SELECT FROM shipments s WHERE s.order_no = f.order_no AND s.fulfilment_no = f.number
                AND s.status <> 'cancelled' AND s.replaced_at IS NULL) AS booked,
           (SELECT coalesce(json_object_agg(n.line_no, n.quantity), '{}') FROM fulfilment_lines n
             WHERE n.order_no = f.order_no AND n.number = f.number) AS lines,
           f.status = 'planned' AS planned
      FROM fulfilments f WHERE f.order_no = :order_no AND f.status <> 'cancelled' ORDER BY f.number
    """
)
_AVAILABLE = text(
    """SELECT l.warehouse, l.sku, l.available FROM stock_levels l JOIN warehouses w ON w.code = l.warehouse AND w.active
        WHERE l.warehouse = ANY(CAST(:warehouses AS text[])) AND l.sku = ANY(CAST(:skus AS text[]))"""
)
_ADD = text(
    """INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
       VALUES (:order_no, :number, :line_no, :quantity)"""
)
_SHORTEN = text("SELECT shorten_fulfilment_line(:order_no, :number, :line_no, :quantity)")


async def parts_of(conn: AsyncConnection, order_no: str) -> tuple[SharedPart, ...]:
    """The parts that are not cancelled. The order is locked."""
    rows = await conn.execute(_PARTS, {"order_no": order_no})
    return tuple(
        SharedPart(
            row.number, row.warehouse, row.booked, {int(no): units for no, units in row.lines.items()}, row.planned
        )
        for row in rows
    )


async def available_at(
    conn: AsyncConnection, warehouses: Sequence[str], skus: Sequence[str]
) -> Mapping[tuple[str, str], int]:
    """{(warehouse, sku): units} that can be added."""
    rows = await conn.execute(_AVAILABLE, {"warehouses": list(warehouses), "skus": list(skus)})
    return {(row.warehouse, row.sku): row.available for row in rows}


async def write(
    conn: AsyncConnection, order_no: str, changes: Sequence[PartChange], key: str, actor: str
) -> str | None:
    """Write the lines of the parts and move their stock; the order's own lines are written. A part that has no line any
    more is cancelled. Answers with a SKU of which another order reserved units first; the transaction is then over."""
    for change in changes:
        row = {"order_no": order_no, "number": change.number, "line_no": change.line_no}
        await conn.execute(_ADD if change.delta > 0 else _SHORTEN, row | {"quantity": abs(change.delta)})
    # In order of SKU, then warehouse, as every order locks the levels.
    for (sku, warehouse, number), delta in sorted(_by_stock(changes).items()):
        place = sealed_changes.HeldAt(order_no, warehouse, number)
        name = f"{key}/{'reserve' if delta > 0 else 'release'}/{sku}@{warehouse}/F{number}"
        try:
            await sealed_changes.move_units(conn, place, sku, delta, name, actor)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) == "OM001":
                return sku
            raise
    return None


def _by_stock(changes: Sequence[PartChange]) -> dict[tuple[str, str, int], int]:
    units: dict[tuple[str, str, int], int] = {}
    for change in (one for one in changes if not one.planned):
        at = (change.sku, change.warehouse, change.number)
        units[at] = units.get(at, 0) + change.delta
    return {at: delta for at, delta in units.items() if delta}
