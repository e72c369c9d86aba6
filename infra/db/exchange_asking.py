"""What an exchange would cost or bring, before anybody commits to it."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales import CONDITIONS, Resolution
from domain.exchanges import exchanged
from infra.db import exchange_backing, exchanges
from infra.db.return_requests import Outlook, ReturnAsk
from infra.db.return_terms import ReturnTerms


async def outlook(conn: AsyncConnection, terms: ReturnTerms, ask: ReturnAsk, seen: Outlook) -> dict[str, Any] | None:
    """What the new goods cost against the old ones as new; None for other returns.

    Raises RuleBroken `unknown_sku`, `product_inactive`, `currency_mismatch`, `total_out_of_range`.
    """
    if ask.resolution is not Resolution.EXCHANGE:
        return None
    units = {one.line_no: one.quantity for one in seen.pieces}
    lines = await exchanges.priced_wish(conn, ask.order_no, ask.exchange_for)
    lines = lines or await exchanges.same_again(conn, ask.order_no, units)
    refunded = [condition for condition, rule in CONDITIONS.items() if rule.refunded]
    behind = await exchange_backing.worth_behind(conn, ask.order_no, ask.return_id, units, refunded)
    new = exchanged(lines, seen.amount_minor + behind, terms.tax)
    wanted = [{"sku": one.sku, "quantity": one.quantity, "unit_price_minor": one.unit_price_minor} for one in lines]
    return {
        "lines": wanted,
        "value_minor": seen.amount_minor + behind,
        "to_pay_minor": new.to_pay_minor,
        "to_refund_minor": new.rest_minor,
        "currency": seen.currency,
    }
