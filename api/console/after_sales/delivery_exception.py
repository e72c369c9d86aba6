"""A parcel that was lost or refused: support has it sent again or gives the money back, each with what it means."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.schemas.after_sales.delivery_exceptions import AnswerProblem
from api.services.after_sales import exception_handling
from api.services.after_sales.exception_handling import CHOICES
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Role

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/parcel")
async def choices(request: Request, person: CurrentStaff, order_no: str) -> Response:
    """Both ways, each with its consequence; one that is not possible says why."""
    require(person.principal, Role.SUPPORT)
    services = services_of(request)
    number = (await visible_order(services, person.principal, order_no)).order_no
    seen = await exception_handling.outlook(services, person.principal, number)
    context: dict[str, Any] = {"order_no": number, "seen": seen, "choices": CHOICES, "key": new_key()}
    return page(request, "order_parcel.html", member=person, **context)


@router.post("/{order_no}/parcel")
async def choose(request: Request, person: CurrentStaff, order_no: str) -> Response:
    """Have it done."""
    require(person.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, person)
    number = (await visible_order(services, person.principal, order_no)).order_no
    decision = fitting(AnswerProblem, {name: fields.get(name, "") for name in ("choice", "reason")})
    asked = KeyedRequest(person.principal, key_of(fields), digest(decision))
    await exception_handling.choose(services, asked, number, decision)
    return RedirectResponse(f"/console/orders/{number}", 303)
