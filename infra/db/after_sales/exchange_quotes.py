"""What an exchange would cost or bring, before the customer commits to it, and what they then commit to."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.exchanges import Exchanged, exchanged
from domain.after_sales.returns import Resolution
from domain.errors import RuleBroken
from domain.orders.lines import PricedLine
from infra.db.after_sales import exchange_funding, exchanges, guarantees
from infra.db.after_sales.return_policy import ReturnPolicy
from infra.provider_rules import amounts, authorisation_periods

if TYPE_CHECKING:  # it imports this module
    from infra.db.after_sales.return_requests import ReturnQuote, ReturnRequest


@dataclass(frozen=True, slots=True)
class ExchangeQuote:
    """What the new goods cost against the old ones as new.

    The old ones are worth `value_minor`; of it `to_refund_minor` goes back, or `to_pay_minor` is paid beyond it.
    """

    lines: tuple[PricedLine, ...]
    value_minor: int
    to_pay_minor: int
    to_refund_minor: int
    guarantee_minor: int
    currency: str


async def quote(
    conn: AsyncConnection, terms: ReturnPolicy, request: "ReturnRequest", return_quote: "ReturnQuote"
) -> ExchangeQuote | None:
    """What the new goods cost against the old ones as new; None for other returns.

    Raises RuleBroken `unknown_sku`, `product_inactive`, `currency_mismatch`, `total_out_of_range`,
    `nothing_to_guarantee`, `guarantee_would_expire`, `currency_not_taken`, `amount_not_payable`.
    """
    if request.resolution is not Resolution.EXCHANGE:
        return None
    lines, new, value = await _priced(conn, terms, request, return_quote)
    if request.guarantee is not None:
        _require_guarantee(terms, *request.guarantee, _guaranteed(new), return_quote.currency)
    guarantee = _guaranteed(new) if request.guarantee else 0
    return ExchangeQuote(tuple(lines), value, new.to_pay_minor, new.rest_minor, guarantee, return_quote.currency)


async def save(
    conn: AsyncConnection, terms: ReturnPolicy, request: "ReturnRequest", return_quote: "ReturnQuote"
) -> None:
    """Keep what is wanted and, when it is to go out first, the guarantee for it. Raises what `quote` raises."""
    if request.resolution is not Resolution.EXCHANGE:
        return
    _, new, _ = await _priced(conn, terms, request, return_quote)
    lines = await exchanges.priced_lines(conn, request.order_no, request.exchange_for)
    await exchanges.save_request(
        conn, request.return_id, request.order_no, lines, advance=request.guarantee is not None
    )
    if request.guarantee is not None:
        method, token = request.guarantee
        _require_guarantee(terms, method, token, _guaranteed(new), return_quote.currency)
        await guarantees.save(conn, request.return_id, request.order_no, _guaranteed(new), method, token)


def _require_guarantee(terms: ReturnPolicy, method: str, token: str, amount_minor: int, currency: str) -> None:
    """Its provider can move the amount, and holds it, or can hold it anew, until the last moment at which it may be
    claimed."""
    amounts.require_payable(method, amount_minor, currency)
    authorisation_periods.require_outlasts(method, token, terms.waits.until_claimed_s)


def _guaranteed(new: Exchanged) -> int:
    """What the customer owes if the old goods never come."""
    if not new.used_minor:
        raise RuleBroken("nothing_to_guarantee", "the old goods pay nothing of the new ones: ask without advance")
    return new.used_minor


async def _priced(
    conn: AsyncConnection, terms: ReturnPolicy, request: "ReturnRequest", return_quote: "ReturnQuote"
) -> tuple[list[PricedLine], Exchanged, int]:
    units = {one.line_no: one.quantity for one in return_quote.pieces}
    lines = await exchanges.priced_lines(conn, request.order_no, request.exchange_for)
    lines = lines or await exchanges.same_again(conn, request.order_no, units)
    worth = (return_quote.plan.amount_minor if return_quote.plan else 0) + return_quote.funding_worth_minor
    sources = [
        (request.order_no, tuple(units)),
        *await exchange_funding.funding_sources(conn, request.order_no),
    ]
    value = min(worth, await exchange_funding.refundable_amount(conn, sources))
    return lines, exchanged(lines, value, terms.tax), value
