"""Orders that were sourced, to try a profile on."""

from collections import ChainMap
from datetime import datetime
from typing import cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.comparison import PastOrder
from domain.sourcing.places import Destination
from domain.sourcing.request import Line, Network, SourcingRequest
from infra.db.sourcing import network
from infra.geography import coordinates_of

_ORDERS = text(
    """
    SELECT o.order_no, trim(o.country) AS country, o.province, o.city, o.channel, o.warehouse, c.customer_group, g.lines
      FROM (SELECT * FROM orders WHERE warehouse IS NOT NULL ORDER BY created_at DESC, order_no DESC LIMIT :limit) o
      JOIN customers c USING (customer_id)
      CROSS JOIN LATERAL (
        SELECT json_agg(json_build_array(l.line_no, l.sku, l.quantity, p.weight_g, p.category)
                        ORDER BY l.line_no) AS lines
          FROM order_lines l JOIN products p USING (sku) WHERE l.order_no = o.order_no AND l.quantity > 0) g
     WHERE g.lines IS NOT NULL ORDER BY o.created_at DESC, o.order_no DESC
    """
)


async def newest(conn: AsyncConnection, limit: int, now: datetime, *, with_loads: bool) -> list[PastOrder]:
    """The newest orders that a warehouse shipped or reserved. Each finds the stock of today, and at its own warehouse
    its own units besides: what it got was there."""
    rows = (await conn.execute(_ORDERS, {"limit": limit})).all()
    skus = sorted({sku for row in rows for _, sku, *_ in row.lines})
    known = await network.of_skus(conn, skus, now, with_loads=with_loads)
    found = []
    for row in rows:
        lines = tuple(Line(*line) for line in row.lines)
        to = Destination(row.country, row.province, row.city, coordinates_of(row.country, row.province, row.city))
        stock = _with_own(known, row.warehouse, lines)
        request = SourcingRequest(lines, stock, to, channel=row.channel, customer_group=row.customer_group or "")
        found.append(PastOrder(row.order_no, request))
    return found


def _with_own(known: Network, warehouse: str, lines: tuple[Line, ...]) -> Network:
    own: dict[tuple[str, str], int] = {}
    for line in lines:
        place = (warehouse, line.sku)
        own[place] = own.get(place, known.available.get(place, 0)) + line.quantity
    return Network(known.warehouses, ChainMap(own, cast("dict[tuple[str, str], int]", known.available)))
