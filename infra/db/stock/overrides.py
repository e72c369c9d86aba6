"""A fulfilment that is to ship from another warehouse: its stock is released and reserved in one statement."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.status import Status
from domain.sourcing.overriding import StandingOrder, StandingPart
from infra.db.stock.reservations import StockContended

# A shipped order has stock for a parcel that is sent again.
_SHIPS = frozenset({Status.PENDING_PAYMENT, Status.PAID, Status.PREPARING, Status.SHIPPED})
_STANDING = text(
    """
    SELECT o.status, o.cancelling IS NOT NULL AS cancelling,
           EXISTS (SELECT FROM change_payments c WHERE c.order_no = o.order_no AND c.status = 'awaiting_payment')
             AS changing,
           f.fulfilment_id, f.number, f.warehouse,
           EXISTS (SELECT FROM shipments s WHERE s.order_no = f.order_no AND s.fulfilment_no = f.number
                      AND s.status <> 'cancelled' AND s.replaced_at IS NULL) AS booked,
           (SELECT coalesce(json_object_agg(a.sku, a.quantity), '{}') FROM reservations a
             WHERE a.order_no = f.order_no AND a.fulfilment_no = f.number AND a.state = 'reserved') AS held,
           (SELECT coalesce(json_agg(json_build_object('line_no', n.line_no, 'sku', l.sku, 'quantity', n.quantity)
                                     ORDER BY n.line_no), '[]')
              FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no)
             WHERE n.order_no = f.order_no AND n.number = f.number) AS lines
      FROM orders o LEFT JOIN fulfilments f ON f.order_no = o.order_no AND f.status <> 'cancelled'
     WHERE o.order_no = :order_no ORDER BY f.number
    """
)
_AVAILABLE = text(
    "SELECT sku, available FROM stock_levels WHERE warehouse = :warehouse AND sku = ANY(CAST(:skus AS text[]))"
)
# Levels are locked in order of SKU, then warehouse, as by every order.
_MOVE = text(
    """
    WITH round AS (
      SELECT count(*) + 1 AS n FROM order_events WHERE order_no = :order_no AND type = 'warehouse_changed'
    ), moved AS MATERIALIZED (
      SELECT sku, warehouse, quantity FROM reservations
       WHERE order_no = :order_no AND fulfilment_no = :number AND state = 'reserved'
    ), freed AS (
      UPDATE reservations SET state = 'released'
       WHERE order_no = :order_no AND fulfilment_no = :number AND state = 'reserved'
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, :warehouse, quantity, 'reserved', :number FROM moved
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved'
    ), place AS (
      UPDATE fulfilments SET warehouse = :warehouse, updated_at = now()
       WHERE order_no = :order_no AND number = :number
    ), steps AS (
      SELECT 'release' AS kind, sku, warehouse, quantity, -quantity AS delta FROM moved
      UNION ALL SELECT 'reserve', sku, :warehouse, quantity, quantity FROM moved
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/override/' || (SELECT n FROM round) || '/' || sku || '@' || warehouse, kind, sku, warehouse,
           quantity, 0, delta, :order_no, :actor
      FROM steps ORDER BY sku, warehouse
    """
)


async def standing(conn: AsyncConnection, order_no: str) -> StandingOrder:
    """The order, which exists, with its fulfilments."""
    rows = (await conn.execute(_STANDING, {"order_no": order_no})).all()
    parts = tuple(
        StandingPart(row.fulfilment_id, row.number, row.warehouse, row.booked, row.held, row.lines)
        for row in rows
        if row.fulfilment_id is not None
    )
    ships = Status(rows[0].status) in _SHIPS and not rows[0].cancelling
    return StandingOrder(ships, rows[0].changing, parts)


async def available_at(conn: AsyncConnection, warehouse: str, skus: Sequence[str]) -> Mapping[str, int]:
    """The units that the warehouse has of these products."""
    found = await conn.execute(_AVAILABLE, {"warehouse": warehouse, "skus": list(skus)})
    return {row.sku: row.available for row in found}


async def move(conn: AsyncConnection, order_no: str, part: StandingPart, warehouse: str, actor: str) -> None:
    """Release what the fulfilment holds, and reserve the same at the warehouse. The caller has locked the order.

    Raises StockContended when another order was faster; the transaction is then over.
    """
    values = {"order_no": order_no, "number": part.number, "warehouse": warehouse, "actor": actor}
    try:
        await conn.execute(_MOVE, values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise
