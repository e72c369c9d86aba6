"""An exchange whose new order ends cancelled: the return falls back to money, exactly once."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import ExchangeStatus
from infra.db.after_sales import exchange_funding, exchanges, guarantees, returns
from infra.db.after_sales.exchange_funding import RefundInstruction
from infra.db.orders.state import timeline

_OF_NEW_ORDER = text(
    "SELECT return_id, order_no, status, coalesce(used_minor, 0) AS used_minor FROM exchanges "
    "WHERE new_order_no = :order_no"
)


async def quote(conn: AsyncConnection, order_no: str) -> int:
    """Minor units that would go back of the first order if this one ended cancelled now; 0 where it is no exchange."""
    row = (await conn.execute(_OF_NEW_ORDER, {"order_no": order_no})).one_or_none()
    if row is None or row.status != ExchangeStatus.PLACED:
        return 0
    order_return = await returns.find(conn, row.return_id)
    used = await guarantees.claimed_minor(conn, row.return_id) if order_return.settled is None else row.used_minor
    return min(
        used, await exchange_funding.refundable_amount(conn, await exchange_funding.funding_sources(conn, order_no))
    )


async def fall_back(conn: AsyncConnection, order_no: str, why: str) -> None:
    """In the transaction that shows the new order as cancelled; nothing where it is no exchange.

    Goods that are not settled yet are refunded when they are; only what was claimed for them goes back at once.
    """
    row = (await conn.execute(_OF_NEW_ORDER, {"order_no": order_no})).one_or_none()
    if row is None:
        return
    await timeline.lock_order(conn, row.order_no)
    order_return = await returns.find(conn, row.return_id)
    if not await exchanges.mark_fallen_back(conn, order_return, why):
        return
    claimed = await guarantees.release_or_report_claim(conn, order_return.return_id)
    used = claimed if order_return.settled is None else row.used_minor
    sources = await exchange_funding.funding_sources(conn, order_no)
    await exchange_funding.give_back(
        conn, sources, used, RefundInstruction(order_return.return_id, "fell_back", "system")
    )
