"""Backorders that wait for stock, orders and planned fulfilments: found page by page, woken where what is there
serves them.

Triggers wake as many as there are units for when units arrive. This finds the others: behind the first thousand, passed
over because those before them wanted something else too, served by a new warehouse.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.arrivals import ExpectedUnits
from infra.db.stock import purchase_orders

# Orders that wait for all of their goods, and planned fulfilments of those that wait for the rest. One that is held
# stands still and tries again when it is released; one with a request on its way is notified already.
_PAGE = text(
    """
    SELECT p.order_no, p.rank, NOT EXISTS (SELECT FROM workflow_requests r WHERE r.subject = p.order_no)
                               AND CASE WHEN p.number IS NOT NULL THEN part_fits(p.order_no, p.number)
                                        WHEN p.ship_complete THEN fits_somewhere(p.order_no)
                                        ELSE fits_partly(p.order_no) END AS fits
      FROM (SELECT w.order_no, w.rank, w.ship_complete, w.number
              FROM (SELECT o.order_no, o.ship_complete, CAST(NULL AS integer) AS number,
                           extract(epoch FROM o.created_at)::float8 - priority_head_start_s(o.priority) AS rank
                      FROM orders o
                     WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND o.cancelling IS NULL
                       AND NOT EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                                          AND 'received' = ANY (h.stops))
                    UNION ALL
                    SELECT o.order_no, true, f.number,
                           extract(epoch FROM o.created_at)::float8 - priority_head_start_s(o.priority)
                      FROM fulfilments f JOIN orders o USING (order_no)
                     WHERE f.status = 'planned' AND f.kind = 'parcel' AND o.status IN ('paid', 'preparing')
                       AND o.cancelling IS NULL
                       AND NOT EXISTS (SELECT FROM holds h WHERE h.order_no = o.order_no AND h.closed_at IS NULL
                                          AND h.stops && ARRAY[o.status, 'paid'])) w
             WHERE (w.rank, w.order_no) > (:rank, :order_no)
             ORDER BY w.rank, w.order_no LIMIT :limit) p
     ORDER BY p.rank, p.order_no
    """
)
_SIGNAL = text(
    """
    INSERT INTO workflow_requests (kind, subject, name, rank)
    SELECT 'signal_order', o.order_no, 'stock_arrived',
           extract(epoch FROM clock_timestamp()) - priority_head_start_s(o.priority)
      FROM orders o WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
    """
)
_WAITING_UNITS = text(
    """
    SELECT w.sku, sum(w.units)::bigint AS units
      FROM (SELECT l.sku, l.quantity - l.cancelled_quantity AS units
              FROM orders o JOIN order_lines l USING (order_no)
             WHERE o.status = 'received' AND o.waiting ->> 'what' = 'stock' AND o.cancelling IS NULL
               AND l.sku = ANY(CAST(:skus AS text[])) AND l.quantity > l.cancelled_quantity
            UNION ALL
            SELECT l.sku, n.quantity
              FROM fulfilments f JOIN orders o USING (order_no) JOIN fulfilment_lines n USING (order_no, number)
              JOIN order_lines l USING (order_no, line_no)
             WHERE f.status = 'planned' AND o.status IN ('pending_payment', 'paid', 'preparing')
               AND o.cancelling IS NULL AND l.sku = ANY(CAST(:skus AS text[]))) w
     GROUP BY w.sku
    """
)


@dataclass(frozen=True, slots=True)
class Backorder:
    """One that waits; `fits` where what is there serves it and nothing is on its way to tell it."""

    order_no: str
    rank: float
    fits: bool


async def page(conn: AsyncConnection, after: tuple[float, str], limit: int) -> list[Backorder]:
    """Up to `limit` that wait, those that wait longest first, beyond (rank, order number)."""
    rows = await conn.execute(_PAGE, {"rank": after[0], "order_no": after[1], "limit": limit})
    return [Backorder(**row._mapping) for row in rows]


async def signal(conn: AsyncConnection, order_nos: Sequence[str]) -> None:
    """Ask their workflows to try again."""
    await conn.execute(_SIGNAL, {"order_nos": list(order_nos)})


async def waiting_units(conn: AsyncConnection, skus: Sequence[str]) -> dict[str, int]:
    """The units of these products that orders wait for."""
    return {row.sku: row.units for row in await conn.execute(_WAITING_UNITS, {"skus": list(skus)})}


async def expected_units(conn: AsyncConnection, skus: Sequence[str]) -> list[ExpectedUnits]:
    """Units of these products that are on their way, as sourcing takes them."""
    found = await purchase_orders.expected_arrivals(conn, skus)
    return [ExpectedUnits(one.sku, one.warehouse, one.quantity, one.expected_on) for one in found]
