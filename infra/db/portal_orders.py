"""What the customers' list of orders shows beside the rows that every list has."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_GOODS = text(
    """
    SELECT order_no, name, quantity FROM order_lines WHERE order_no = ANY(CAST(:order_nos AS text[]))
     ORDER BY order_no, line_no
    """
)


async def goods_of(conn: AsyncConnection, order_nos: Sequence[str]) -> dict[str, list[tuple[str, int]]]:
    """The name and quantity of each line, by order."""
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in await conn.execute(_GOODS, {"order_nos": list(order_nos)}):
        found[row.order_no].append((row.name, row.quantity))
    return found
