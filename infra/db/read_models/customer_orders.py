"""What a customer ordered so far, in two numbers."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# Of a customer with more orders the newest are counted.
MOST = 1000
_TOTALS = text(
    """
    SELECT count(*) AS orders,
           coalesce(sum(o.total_minor) FILTER (WHERE o.status <> 'cancelled' AND o.currency = :currency), 0)::bigint
             AS spent_minor
      FROM (SELECT total_minor, status, currency FROM orders WHERE customer_id = :customer_id
             ORDER BY created_at DESC LIMIT :most) o
    """
)


@dataclass(frozen=True, slots=True)
class CustomerTotals:
    """How many orders, and the sum of those in the currency asked for that are not cancelled."""

    orders: int
    spent_minor: int


async def totals(conn: AsyncConnection, customer_id: str, currency: str) -> CustomerTotals:
    """The newest MOST orders of the customer."""
    row = {"customer_id": customer_id, "currency": currency, "most": MOST}
    return CustomerTotals(*(await conn.execute(_TOTALS, row)).one())
