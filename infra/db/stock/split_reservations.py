"""Stock of an order that several warehouses ship together, reserved in one step."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.sourcing.candidates import candidates
from domain.sourcing.decision import Share
from domain.sourcing.places import Destination, Warehouse
from infra.db.sourcing.network import SUPPLIER
from infra.db.stock.reservations import StockContended

# Levels are locked in order of SKU, then warehouse, by every order.
_RESERVE = text(
    """
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest(CAST(:numbers AS integer[]), CAST(:warehouses AS text[]), CAST(:lines AS integer[]),
                           CAST(:skus AS text[]), CAST(:quantities AS bigint[]), CAST(:promised AS timestamptz[]))
        AS g (number, warehouse, line_no, sku, quantity, promised_to)
    ), parts AS (
      INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status, promised_to)
      SELECT :order_no || '-F' || number, :order_no, number, warehouse, 'reserved', min(promised_to) FROM given
       GROUP BY number, warehouse
    ), lines AS (
      INSERT INTO fulfilment_lines (order_no, number, line_no, quantity)
      SELECT :order_no, number, line_no, quantity FROM given
    ), wanted AS MATERIALIZED (
      SELECT number, warehouse, sku, sum(quantity)::bigint AS quantity FROM given GROUP BY number, warehouse, sku
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, warehouse, quantity, 'reserved', number FROM wanted
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved'
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/reserve/F' || number || '/1/' || sku, 'reserve', sku, warehouse, quantity, 0, quantity,
           :order_no, 'system'
      FROM wanted ORDER BY sku, warehouse, number
    """
)

# What a part is to have once more: less what was refunded meanwhile, which is not for units that came back or for parts
# that were given up.
_GOODS = text(
    """
    SELECT l.sku, sum(n.quantity - least(n.quantity, greatest(0, back.units - gone.units)))::bigint AS quantity
      FROM fulfilment_lines n JOIN order_lines l USING (order_no, line_no),
           LATERAL (SELECT coalesce(sum(x.quantity), 0) AS units FROM refunds r JOIN refund_lines x USING (refund_id)
                     WHERE r.order_no = n.order_no AND x.line_no = n.line_no AND r.origin IN ('support', 'provider')
                       AND r.status NOT IN ('refused', 'overtaken')) back,
           LATERAL (SELECT coalesce(sum(g.quantity), 0) AS units FROM fulfilment_lines g
                      JOIN fulfilments f USING (order_no, number)
                     WHERE g.order_no = n.order_no AND g.line_no = n.line_no AND f.status = 'cancelled') gone
     WHERE n.order_no = :order_no AND n.number = :number
     GROUP BY l.sku
    HAVING sum(n.quantity - least(n.quantity, greatest(0, back.units - gone.units))) > 0
    """
)
_SENDERS = text(
    """
    SELECT h.code, h.kind, h.country, h.province, h.city, h.priority, l.sku, l.available,
           o.country AS to_country, o.province AS to_province, o.city AS to_city
      FROM orders o, stock_levels l JOIN warehouses h ON h.code = l.warehouse
     WHERE o.order_no = :order_no AND l.sku = ANY(CAST(:skus AS text[])) AND l.available > 0 AND h.active
    """
)
_RESERVE_PART = text(
    """
    WITH round AS (
      SELECT count(*) + 1 AS n FROM shipments
       WHERE order_no = :order_no AND fulfilment_no = :number AND replaced_at IS NOT NULL
    ), wanted AS MATERIALIZED (
      SELECT * FROM unnest(CAST(:skus AS text[]), CAST(:quantities AS bigint[])) AS w (sku, quantity)
    ), place AS (
      UPDATE fulfilments SET warehouse = :warehouse, due_at = NULL, updated_at = now()
       WHERE order_no = :order_no AND number = :number
    ), held AS (
      INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)
      SELECT :order_no, sku, :warehouse, quantity, 'reserved', :number FROM wanted
      ON CONFLICT (order_no, sku, warehouse, fulfilment_no) DO UPDATE
        SET quantity = excluded.quantity, state = 'reserved'
    )
    INSERT INTO stock_movements
      (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta, order_no, actor)
    SELECT :order_no || '/reserve/F' || CAST(:number AS integer) || '/' || (SELECT n FROM round) || '/' || sku,
           'reserve', sku, :warehouse, quantity, 0, quantity, :order_no, 'system'
      FROM wanted ORDER BY sku
    """
)


async def reserve(
    conn: AsyncConnection, order_no: str, shares: Sequence[Share], promised_to: Mapping[str, datetime] | None = None
) -> None:
    """Reserve every share as a fulfilment of its own, all or nothing; `promised_to` by warehouse.

    Raises StockContended when another order was faster; the transaction is then over.
    """
    dates = promised_to or {}
    rows = [
        (n, share.warehouse, *line, dates.get(share.warehouse)) for n, share in enumerate(shares, 1)
        for line in share.lines
    ]  # fmt: skip
    names = ("numbers", "warehouses", "lines", "skus", "quantities", "promised")
    values = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True))
    await _reserved(conn, _RESERVE, {"order_no": order_no, **values})


async def goods_of(conn: AsyncConnection, order_no: str, number: int) -> dict[str, int]:
    """What is to be sent again of one part: {sku: units}. Raises Conflict `nothing_to_send`."""
    rows = await conn.execute(_GOODS, {"order_no": order_no, "number": number})
    goods: dict[str, int] = {row.sku: row.quantity for row in rows}
    if not goods:
        raise Conflict("nothing_to_send", "all of it was refunded: there is nothing to send again")
    return goods


async def senders_of(conn: AsyncConnection, order_no: str, goods: Mapping[str, int]) -> list[str]:
    """The warehouses that can send all of it, the best first."""
    values = {"order_no": order_no, "skus": list(goods)}
    rows = (await conn.execute(_SENDERS, values)).all()
    if not rows:
        return []
    first = rows[0]
    places = {
        row.code: Warehouse(row.code, row.country, row.province, row.city, row.priority, supplier=row.kind == SUPPLIER)
        for row in rows
    }
    available = {(row.code, row.sku): row.available for row in rows}
    destination = Destination(first.to_country, first.to_province, first.to_city)
    return candidates(goods, available, places.values(), destination)


async def reserve_part(
    conn: AsyncConnection, order_no: str, number: int, warehouse: str, goods: Mapping[str, int]
) -> None:
    """Reserve the goods of one part anew at `warehouse`, all or nothing. Raises StockContended."""
    skus = sorted(goods)
    values = {"order_no": order_no, "number": number, "warehouse": warehouse, "skus": skus}
    await _reserved(conn, _RESERVE_PART, {**values, "quantities": [goods[sku] for sku in skus]})


async def _reserved(conn: AsyncConnection, statement: TextClause, values: Mapping[str, object]) -> None:
    try:
        await conn.execute(statement, values)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == "OM001":
            raise StockContended from None
        raise
