"""Stock of an order that several warehouses ship together: read what all of them have, and reserve it in one step."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.decision import Share
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.request import Line, Network, Preferences, SourcingRequest
from infra.db.stock.reservations import StockContended

_LINES = text(
    """
    SELECT l.line_no, l.sku, l.quantity - l.cancelled_quantity AS quantity, p.weight_g
      FROM order_lines l JOIN products p USING (sku)
     WHERE l.order_no = :order_no AND l.quantity > l.cancelled_quantity ORDER BY l.line_no
    """
)
# Whoever has anything of it, without locks: the movements decide.
_LEVELS = text(
    """
    SELECT h.code, h.country, h.province, h.city, h.priority, l.sku, l.available
      FROM stock_levels l JOIN warehouses h ON h.code = l.warehouse
     WHERE l.sku IN (SELECT sku FROM order_lines WHERE order_no = :order_no) AND l.available > 0 AND h.active
    """
)
# Levels are locked in order of SKU, then warehouse, by every order.
_RESERVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:warehouses AS text[]), CAST(:lines AS integer[]),
                           CAST(:skus AS text[]), CAST(:quantities AS bigint[]))
        AS g (number, warehouse, line_no, sku, quantity)
    ), parts AS (
      INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)
      SELECT :order_no || '-F' || number, :order_no, number, warehouse, 'reserved' FROM given GROUP BY number, warehouse
    ), lines AS (
      INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
      SELECT :order_no, number, line_no, quantity FROM given
    ), wanted AS MATERIALIZED (
      SELECT number, warehouse, sku, sum(quantity)::bigint AS quantity FROM given GROUP BY number, warehouse, sku
    ), held AS (
      INSERT INTO allocations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, warehouse, quantity, 'reserved', number FROM wanted
      ON CONFLICT (order_no, sku, warehouse) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved', fulfilment_no = excluded.fulfilment_no
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/reserve/F' || number || '/' || sku, 'reserve', sku, warehouse, quantity, 0, quantity,
           :order_no, 'system'
      FROM wanted ORDER BY sku, warehouse
    """
)


async def request_of(
    conn: AsyncConnection, order_no: str, destination: Destination, max_fulfilments: int
) -> SourcingRequest:
    """What sourcing is asked about the order."""
    lines = [Line(**row) for row in (await conn.execute(_LINES, {"order_no": order_no})).mappings()]
    levels = (await conn.execute(_LEVELS, {"order_no": order_no})).all()
    places = {row.code: Warehouse(row.code, row.country, row.province, row.city, row.priority) for row in levels}
    network = Network(tuple(places.values()), {(row.code, row.sku): row.available for row in levels})
    return SourcingRequest(tuple(lines), network, destination, Preferences(True, max_fulfilments))


async def reserve(conn: AsyncConnection, order_no: str, shares: Sequence[Share]) -> None:
    """Reserve every share as a fulfilment of its own, all or nothing.

    Raises StockContended when another order was faster; the transaction is then over.
    """
    rows = [(n, share.warehouse, *line) for n, share in enumerate(shares, 1) for line in share.lines]
    names = ("numbers", "warehouses", "lines", "skus", "quantities")
    values = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    try:
        await conn.execute(_RESERVE, {"order_no": order_no, **values})
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise
