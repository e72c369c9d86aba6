"""What the customers' pages show of orders beside what everybody is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypedDict, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.returns import OPEN
from domain.times import rfc3339
from infra.db.shipping.fulfilments import GIVEN_UP

# Where an order goes is in clear: no address is opened for a list.
_GOODS = text(
    """
    SELECT l.order_no, l.sku, l.name, (l.quantity - l.cancelled_quantity)::int AS quantity, o.country, o.province
      FROM order_lines l JOIN orders o USING (order_no) WHERE l.order_no = ANY(CAST(:order_nos AS text[]))
     ORDER BY l.order_no, l.line_no
    """
)
# From the order to the door, among the newest orders of the channel that went to the same country.
_DAYS_TO_DELIVER = text(
    """
    SELECT percentile_disc(0.8) WITHIN GROUP (ORDER BY d.occurred_at - r.created_at) AS usual
      FROM (SELECT order_no, created_at, status, country FROM orders WHERE channel = :channel
             ORDER BY created_at DESC LIMIT 300) r
     CROSS JOIN LATERAL (SELECT e.occurred_at FROM order_events e
                          WHERE e.order_no = r.order_no AND e.type = 'shipment_delivered' LIMIT 1) d
     WHERE r.status IN ('delivered', 'completed') AND r.country = :country
    HAVING count(*) >= 5
    """
)
_OPEN_RETURNS = text(
    """
    SELECT order_no, deadline FROM returns
     WHERE order_no = ANY(CAST(:order_nos AS text[])) AND status = ANY(CAST(:open AS text[]))
    """
)
_RETURNABLE = text(
    f"""
    SELECT l.line_no, l.sku, l.name,
           (l.quantity - l.returned_quantity - l.cancelled_quantity - {GIVEN_UP})::int AS quantity,
           l.unit_price_minor, trim(o.currency) AS currency
      FROM order_lines l JOIN orders o USING (order_no)
     WHERE l.order_no = :order_no AND l.quantity - l.returned_quantity - l.cancelled_quantity - {GIVEN_UP} > 0
     ORDER BY l.line_no
    """  # noqa: S608
)
_CREDIT = text(
    """
    SELECT trim(e.currency) AS currency, sum(e.balance_delta)::bigint AS balance_minor
      FROM unnest(CAST(:customers AS text[]), CAST(:channels AS text[])) k (customer_id, channel)
      JOIN store_credit_entries e USING (customer_id) JOIN orders o USING (order_no)
     WHERE o.channel = k.channel GROUP BY e.currency HAVING sum(e.balance_delta) > 0 ORDER BY 1
    """
)
_NAMES = text("SELECT line_no, name FROM order_lines WHERE order_no = :order_no")


class ReturnableLine(TypedDict):
    """A line of which pieces are not on a return yet, and how many."""

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    currency: str


@dataclass(slots=True)
class OrderGoods:
    """What is in an order, each product once with all its pieces, and where the order goes."""

    place: dict[str, str]
    products: dict[str, tuple[str, int]] = field(default_factory=dict)


async def goods_of(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, OrderGoods]:
    """The goods of each order: name and quantity by SKU. What was taken off the order stays where nothing else is."""
    found: dict[str, OrderGoods] = {}
    for row in await conn.execute(_GOODS, {"order_nos": list(order_nos)}):
        goods = found.setdefault(row.order_no, OrderGoods({"country": row.country, "province": row.province}))
        known = goods.products.get(row.sku, (row.name, 0))
        goods.products[row.sku] = (known[0], known[1] + row.quantity)
    for goods in found.values():
        goods.products = {sku: one for sku, one in goods.products.items() if one[1]} or goods.products
    return found


async def open_returns(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, list[str | None]]:
    """The deadlines of each order's open returns, None for a return without one."""
    found: dict[str, list[str | None]] = {}
    for row in await conn.execute(_OPEN_RETURNS, {"order_nos": list(order_nos), "open": sorted(OPEN)}):
        found.setdefault(row.order_no, []).append(rfc3339(row.deadline) if row.deadline else None)
    return found


async def usual_delivery(conn: AsyncConnection, channel: str, country: str) -> timedelta | None:
    """In what time four of five of the last orders were delivered; None while few were."""
    row = await conn.execute(_DAYS_TO_DELIVER, {"channel": channel, "country": country})
    usual: timedelta | None = row.scalar_one_or_none()
    return usual


async def returnable(conn: AsyncConnection, order_no: str) -> list[ReturnableLine]:
    """Number, SKU, name and price of each line of which pieces are not on a return yet, and how many."""
    return [cast(ReturnableLine, dict(row._mapping)) for row in await conn.execute(_RETURNABLE, {"order_no": order_no})]


async def names_of(conn: AsyncConnection, order_no: str) -> dict[int, str]:
    """The name of each line."""
    return {row.line_no: row.name for row in await conn.execute(_NAMES, {"order_no": order_no})}


async def credit_of(conn: AsyncConnection, customers: Sequence[tuple[str, str]]) -> list[tuple[int, str]]:
    """The store credit of these customers, each through one channel, together: minor units and currency."""
    names = {"customers": [one[0] for one in customers], "channels": [one[1] for one in customers]}
    rows = await conn.execute(_CREDIT, names)
    return [(row.balance_minor, row.currency) for row in rows]
