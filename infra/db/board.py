"""What the console's board and search ask of the books: every question is bounded, however many orders there are."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

COUNTED = 1000
FOUND = 50

_COUNTS = text(
    """
    SELECT s.status,
           (SELECT count(*) FROM (SELECT FROM orders o WHERE o.status = s.status LIMIT :counted + 1) f) AS orders
      FROM order_statuses s
    """
)
_STUCK = text("SELECT count(*) FROM (SELECT FROM parked_steps WHERE resolved_at IS NULL LIMIT :counted + 1) first_ones")
# Returns that wait for somebody here: for a yes, or for a look at what arrived.
_RETURNS = text(
    """
    SELECT s.status,
           (SELECT count(*) FROM (SELECT FROM returns r WHERE r.status = s.status LIMIT :counted + 1) f) AS returns
      FROM (VALUES ('requested'), ('received')) s (status)
    """
)
_GOODS = text(
    """
    WITH goods AS (
      (SELECT sku FROM products WHERE sku = :q)
      UNION
      (SELECT sku FROM products WHERE name ILIKE :pattern LIMIT 20))
    SELECT newest.order_no FROM goods CROSS JOIN LATERAL (
      SELECT l.order_no FROM order_lines l WHERE l.sku = goods.sku ORDER BY l.order_no DESC LIMIT :found) newest
     GROUP BY newest.order_no ORDER BY newest.order_no DESC LIMIT :found
    """
)
_PAYMENTS = text(
    """
    SELECT DISTINCT order_no FROM payments
     WHERE provider = ANY(CAST(:providers AS text[])) AND provider_ref = :q AND provider <> 'manual' LIMIT :found
    """
)


async def counts(conn: AsyncConnection) -> dict[str, int]:
    """Orders by status, and under `stuck` those that wait for support; COUNTED + 1 stands for any larger number."""
    found = {str(row.status): int(row.orders) for row in await conn.execute(_COUNTS, {"counted": COUNTED})}
    found["stuck"] = int((await conn.execute(_STUCK, {"counted": COUNTED})).scalar_one())
    return found


async def returns_waiting(conn: AsyncConnection) -> dict[str, int]:
    """Returns that wait for staff, by status; COUNTED + 1 stands for any larger number."""
    return {str(row.status): int(row.returns) for row in await conn.execute(_RETURNS, {"counted": COUNTED})}


async def with_goods(conn: AsyncConnection, q: str) -> list[str]:
    """The newest orders with a product of this SKU, or with one whose name holds `q`; at most FOUND."""
    escaped = q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = await conn.execute(_GOODS, {"q": q, "pattern": f"%{escaped}%", "found": FOUND})
    return list(rows.scalars())


async def with_payment(conn: AsyncConnection, providers: Sequence[str], q: str) -> list[str]:
    """The orders that a payment provider's reference belongs to."""
    rows = await conn.execute(_PAYMENTS, {"providers": list(providers), "q": q, "found": FOUND})
    return list(rows.scalars())
