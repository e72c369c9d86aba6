"""The queries of the console's board: each is bounded, however many orders there are."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

COUNTED = 1000

_COUNTS = text(
    """
    SELECT s.status,
           (SELECT count(*) FROM (SELECT FROM orders o WHERE o.status = s.status LIMIT :counted + 1) f) AS orders
      FROM order_statuses s
    """
)
_PARKED_ORDERS = text(
    "SELECT count(*) FROM (SELECT FROM parked_steps WHERE resolved_at IS NULL LIMIT :counted + 1) first_ones"
)
# Returns that wait for somebody here: for a yes, or for a look at what arrived.
_RETURNS = text(
    """
    SELECT s.status,
           (SELECT count(*) FROM (SELECT FROM returns r WHERE r.status = s.status LIMIT :counted + 1) f) AS returns
      FROM (VALUES ('requested'), ('received')) s (status)
    """
)


async def counts(conn: AsyncConnection) -> dict[str, int]:
    """Orders by status, and under `stuck` those that wait for support; COUNTED + 1 stands for any larger number."""
    found = {str(row.status): int(row.orders) for row in await conn.execute(_COUNTS, {"counted": COUNTED})}
    found["stuck"] = await needing_attention(conn)
    return found


async def needing_attention(conn: AsyncConnection) -> int:
    """Orders that wait for support; COUNTED + 1 stands for any larger number."""
    return int((await conn.execute(_PARKED_ORDERS, {"counted": COUNTED})).scalar_one())


async def returns_waiting(conn: AsyncConnection) -> dict[str, int]:
    """Returns that wait for staff, by status; COUNTED + 1 stands for any larger number."""
    return {str(row.status): int(row.returns) for row in await conn.execute(_RETURNS, {"counted": COUNTED})}
