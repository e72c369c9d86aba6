"""Goods that an order waits for: the customer waits on or cancels what is missing, each with what it means."""

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import digest, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.after_sales.backorder_choices import ChooseBackorder
from api.services.after_sales import backorder_choosing
from api.services.after_sales.keyed_request import KeyedRequest
from domain.orders.backorder_choices import BackorderChoice

router = APIRouter(prefix=f"{HOME}/orders")


@router.get("/{order_no}/backorder")
async def choices(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Both choices."""
    services = services_of(request)
    customer, overview = await owned(services, session, order_no)
    means = await backorder_choosing.preview(services, customer, overview.order_no, BackorderChoice.CANCEL)
    return page(request, "backorder.html", key=new_key(), order_no=overview.order_no, means=means)


@router.post("/{order_no}/backorder")
async def choose(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Have it done."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    choice = next((one for one in BackorderChoice if one == fields.get("choice")), None)
    if choice is None:
        raise Problem("nothing_chosen", "choose wait or cancel")
    decision = ChooseBackorder(choice=choice)
    keyed = KeyedRequest(customer, key_of(fields), digest(decision))
    await backorder_choosing.choose(services, keyed, overview.order_no, decision)
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}", 303)
