"""Which of the orders that were begun still have work ahead of them, and which have come to rest."""

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection


class Standing(StrEnum):
    """`busy` has work ahead now, `retrying` waits for a provider between two tries; all others are at rest."""

    BUSY = "busy"
    RETRYING = "retrying"


# At rest is what waits for somebody else: the customer's money or the provider's decision on it, stock, support, the
# end of a hold, the carrier. By primary keys; the orders asked for are as many as one worker has in flight.
_STANDING = text(
    """
    SELECT o.order_no, EXISTS (SELECT FROM retrying_steps f
                                WHERE f.order_no = o.order_no AND f.event_seq = o.event_seq) AS retrying
      FROM orders o
     WHERE o.order_no = ANY(CAST(:orders AS text[])) AND o.status IN ('received', 'pending_payment', 'paid')
       AND o.hold IS NULL AND NOT (o.status = 'received' AND o.waiting IS NOT NULL)
       AND NOT (o.status = 'pending_payment' AND o.cancelling IS NULL AND NOT EXISTS (
             SELECT FROM payment_requests r
               LEFT JOIN payments p ON p.order_no = r.order_no AND p.kind = 'authorise' AND p.attempt = r.attempt
              WHERE r.order_no = o.order_no AND r.attempt IS NOT NULL
                AND (p.status IS NULL OR p.status NOT IN ('failed', 'pending'))
                AND NOT EXISTS (SELECT FROM payments c WHERE c.order_no = r.order_no AND c.attempt = r.attempt
                                   AND c.kind = 'capture' AND c.status IN ('failed', 'pending'))))
       AND NOT (o.status = 'paid' AND is_awaiting_change_payment(o.order_no)
                AND EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.purpose = 'supplement'
                               AND p.status = 'pending'))
       AND NOT EXISTS (SELECT FROM parked_steps k WHERE k.order_no = o.order_no AND k.resolved_at IS NULL
                          AND k.step <> 'refund')
    """
)


async def standing(connection: AsyncConnection, orders: Sequence[str]) -> dict[str, Standing]:
    """Of these orders those that have work ahead; the others are at rest, or not in the database."""
    rows = await connection.execute(_STANDING, {"orders": list(orders)})
    return {row.order_no: Standing.RETRYING if row.retrying else Standing.BUSY for row in rows}
