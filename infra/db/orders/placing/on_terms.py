"""Orders on payment terms: the credit that they need, and what the database refuses of them (migration 0141)."""

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, RuleBroken
from infra.db.errors import constraint_of, sqlstate_of
from infra.db.orders.placing.drafts import NewOrder

_NO_CREDIT, _TOO_LONG = "OM196", "OM197"
_CREDIT = text(
    """
    SELECT trim(a.currency) AS currency, a.terms_days, greatest(a.limit_minor - a.used_minor, 0)::bigint AS left_minor,
           EXISTS (SELECT FROM receivables r WHERE r.customer_id = a.customer_id AND r.released_at IS NULL
                      AND r.purchase_order = :purchase_order) AS known
      FROM credit_accounts a WHERE a.customer_id = :customer_id
    """
)


async def granted(conn: AsyncConnection, draft: NewOrder, total_minor: int) -> int:
    """In how many days the customer pays an order of so much.

    Raises Conflict `no_credit`, `credit_exceeded`, `purchase_order_exists`; RuleBroken `credit_currency`,
    `terms_too_long`. What changes until the order is written, the database refuses.
    """
    assert draft.on_terms is not None, "asked of orders on terms"
    values = {"customer_id": draft.customer_id, "purchase_order": draft.on_terms.purchase_order}
    accounts = {row.currency: row for row in await conn.execute(_CREDIT, values)}
    if not accounts:
        raise Conflict("no_credit")
    account = accounts.get(draft.currency)
    if account is None:
        raise RuleBroken("credit_currency", f"the customer has credit in {' and '.join(sorted(accounts))} only")
    if account.known:
        raise Conflict("purchase_order_exists")
    days: int = draft.on_terms.terms_days or account.terms_days
    if days > account.terms_days:
        raise RuleBroken("terms_too_long", "the customer pays within {most} days at most", most=account.terms_days)
    if total_minor > account.left_minor:
        detail = "{left} of the customer's credit is left; pay what is owed first, or order less"
        raise Conflict("credit_exceeded", detail, left_minor=account.left_minor, currency=draft.currency)
    return days


def refuse(error: DBAPIError) -> None:
    """Raises Conflict or RuleBroken where the database refused it, as `granted` does; else returns. Whether a purchase
    order number is another order's, or that of the same request, the next look says."""
    match constraint_of(error), sqlstate_of(error):
        case "credit_within_limit", _:
            raise Conflict("credit_exceeded") from None
        case _, code if code == _NO_CREDIT:
            raise Conflict("no_credit") from None
        case _, code if code == _TOO_LONG:
            raise RuleBroken("terms_too_long") from None
