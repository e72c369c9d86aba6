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
                      WHERE p.order_no = o.order_no), 0)::bigint AS amount_minor
      FROM orders o WHERE o.order_no = ANY(CAST(:order_nos AS text[]))
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
