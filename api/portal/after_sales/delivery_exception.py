"""A parcel that was lost or refused: sent again or paid back, as the customer chooses; each with what it means."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import digest, key_of, new_key
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer, owned, posted
from api.schemas.after_sales.delivery_exceptions import AnswerProblem
from api.services.after_sales import exception_handling
from api.services.after_sales.exception_handling import CHOICES
from api.services.after_sales.keyed_request import KeyedRequest
from api.services.portal import order_goods

router = APIRouter(prefix=f"{HOME}/orders")


@router.get("/{order_no}/parcel")
async def choices(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Both ways, each with its consequence; one that is not possible says why."""
    services = services_of(request)
    customer, overview = await owned(services, session, order_no)
    options = await exception_handling.options_of(services, customer, overview.order_no)
    names = {row["sku"]: row["name"] for row in await order_goods.returnable(services, overview.order_no)}
    context: dict[str, Any] = {
        "means": options.means,
        "refused": options.refused,
        "parcel": options.parcel,
        "names": names,
    }
    return page(request, "lost_parcel.html", key=new_key(), order_no=overview.order_no, choices=CHOICES, **context)


@router.post("/{order_no}/parcel")
async def choose(request: Request, session: CurrentCustomer, order_no: str) -> Response:
    """Have it done."""
    services, fields = services_of(request), await posted(request, session)
    customer, overview = await owned(services, session, order_no)
    choice = next((one for one in CHOICES if one == fields.get("choice")), None)
    if choice is None:
        raise Problem("nothing_chosen", "choose reship or refund")
    decision = AnswerProblem(choice=choice)
    await exception_handling.choose(
        services, KeyedRequest(customer, key_of(fields), digest(decision)), overview.order_no, decision
    )
    return RedirectResponse(f"{HOME}/orders/{overview.order_no}", 303)
