"""Paying for an order, or paying again after a decline."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.pages.forms import digest, fitting, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.orders.orders import Payment
from api.services.orders import order_queries
from api.services.payments import order_payments
from api.services.payments.order_payments import STORE_CREDIT
from infra.settings import Settings

router = APIRouter(prefix=f"{HOME}/orders")

# The sandbox has no cards, only tokens of them. Another provider's token is made in the shop, by that provider's page.
TEST_CARDS = ("tok_ok", "tok_decline", "tok_insufficient_funds", "tok_pending")


def cards_of(settings: Settings) -> tuple[str, ...]:
    """What can be paid with on these pages."""
    return TEST_CARDS if settings.payment_provider == "sandbox" else ()


@router.get("/{order_no}/pay")
async def form(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """How much, and by what."""
    services = services_of(request)
    _, overview = await owned(services, session, order_no)
    credit = await order_payments.require_payable(services, overview.order_no)
    order = await order_queries.known(services, overview.order_no)
    ways = list(cards_of(services.settings))
    to_pay = order["owed_minor"] if order["owed_minor"] else order["total_minor"]
    if credit >= to_pay:
        ways.append(STORE_CREDIT)
    context: dict[str, Any] = {"order": order, "ways": ways, "to_pay": to_pay}
    return page(request, "pay.html", key=new_key(), **context)


@router.post("/{order_no}/pay")
async def pay(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Take the payment; the order's page says what became of it."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    by = fields.get("by", "")
    method = STORE_CREDIT if by == STORE_CREDIT else services.settings.payment_provider
    payment = fitting(Payment, {"method": method, "token": by})
    await order_payments.pay(services, customer, key_of(fields), digest(payment), overview.order_no, payment)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}", 303)
