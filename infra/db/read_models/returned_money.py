"""What cancelling orders would return of their money: captured, and neither refunded nor disputed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.after_sales import exchange_fallback

_RETURNED = text(
    """
    SELECT o.order_no, o.currency, o.type = 'exchange' AS exchange,
           coalesce((SELECT sum(t.captured_minor - t.refunded_minor - t.disputed_minor)
                       FROM payments p JOIN payment_totals t USING (payment_id)
                      WHERE p.order_no = o.order_no AND p.provider <> 'terms'), 0)::bigint AS amount_minor
      FROM orders o WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
    """
)
# One person's cancellations are counted one after the other.
_LOCK_PERSON = text("SELECT pg_advisory_xact_lock(hashtextextended('cancels:' || person_of(:actor), 0))")
# What is refunded by now was captured. An order that could not be cancelled returned nothing.
_LATELY = text(
    """
    SELECT o.currency, sum(t.captured_minor - t.disputed_minor)::bigint AS amount_minor
      FROM support_jobs j JOIN support_job_items i USING (job_id) JOIN orders o USING (order_no)
      JOIN payments p USING (order_no) JOIN payment_totals t USING (payment_id)
     WHERE person_of(j.actor) = person_of(:actor) AND j.action = 'cancel' AND j.approval_id IS NULL
       AND p.provider <> 'terms'
       AND j.created_at > now() - interval '1 hour' AND i.state <> 'failed'
     GROUP BY o.currency
    """
)


@dataclass(frozen=True, slots=True)
class ReturnedMoney:
    """The money that goes back for one order."""

    order_no: str
    currency: str
    amount_minor: int


async def of_orders(conn: AsyncConnection, order_nos: Sequence[str]) -> list[ReturnedMoney]:
    """In the order of the numbers. Of an exchange order the money behind its goods goes back, too."""
    rows = {row.order_no: row for row in await conn.execute(_RETURNED, {"order_nos": list(order_nos)})}
    found = []
    for order_no in order_nos:
        row = rows[order_no]
        behind = await exchange_fallback.quote(conn, order_no) if row.exchange else 0
        found.append(ReturnedMoney(order_no, row.currency, row.amount_minor + behind))
    return found


async def lock_person(conn: AsyncConnection, actor: str) -> None:
    """Held until the end of the transaction: of two jobs of a person, the second counts the first."""
    await conn.execute(_LOCK_PERSON, {"actor": actor})


async def cancelled_lately(conn: AsyncConnection, actor: str) -> dict[str, int]:
    """What the person returned within an hour by cancelling orders in bulk without an approval, by currency."""
    rows = await conn.execute(_LATELY, {"actor": actor})
    return {row.currency: row.amount_minor for row in rows}
