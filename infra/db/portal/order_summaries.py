"""What the customers' pages show of orders beside what everybody is shown."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TypedDict, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_GOODS = text(
    """
    SELECT order_no, name, quantity FROM order_lines WHERE order_no = ANY(CAST(:order_nos AS text[]))
     ORDER BY order_no, line_no
    """
)
_RETURNABLE = text(
    """
    SELECT l.line_no, l.sku, l.name, (l.quantity - l.returned_quantity - l.cancelled_quantity)::int AS quantity,
           l.unit_price_minor, trim(o.currency) AS currency
      FROM order_lines l JOIN orders o USING (order_no)
     WHERE l.order_no = :order_no AND l.quantity - l.returned_quantity - l.cancelled_quantity > 0 ORDER BY l.line_no
    """
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


async def goods_of(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """The name and quantity of each line, by order."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in await conn.execute(_GOODS, {"order_nos": list(order_nos)}):
        found[row.order_no].append((row.name, row.quantity))
    return found


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
