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
async def choices(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Both ways, each with its consequence; one that is not possible says why."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    number = (await visible_order(services, member.principal, order_no)).order_no
    options = await exception_handling.options_of(services, member.principal, number)
    context: dict[str, Any] = {"order_no": number, "seen": options, "choices": CHOICES, "key": new_key()}
    return page(request, "order_parcel.html", member=member, **context)


@router.post("/{order_no}/parcel")
async def choose(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Have it done."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    decision = fitting(AnswerProblem, {name: fields.get(name, "") for name in ("choice", "reason")})
    keyed = KeyedRequest(member.principal, key_of(fields), digest(decision))
    await exception_handling.choose(services, keyed, number, decision)
    return RedirectResponse(f"/console/orders/{number}", 303)
