"""The form that moves an order manually along its lifecycle."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.approvals import after_action
from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.schemas.support.manual_transitions import Adjust
from api.services.support import order_transitions
from domain.access import Role
from domain.support.manual_transitions import ADJUSTMENTS

router = APIRouter(prefix="/console")


@router.get("/orders/{order_no}/adjust")
async def adjust_form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The events that are possible now, and what each would mean."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await order_transitions.possible_transitions(services, overview.order_no)
    options = [(event, target, ADJUSTMENTS[event]) for event, target in found.events.items()]
    context: dict[str, Any] = {"order_no": overview.order_no, "here": found.context, "acts": options, "key": new_key()}
    return page(request, "order_adjust.html", member=member, **context)


@router.post("/orders/{order_no}/adjust")
async def adjust(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Move the order."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    value = {name.removeprefix("value."): text for name, text in fields.items() if name.startswith("value.")}
    body = {"event": fields.get("event", ""), "value": value or None, "reason": fields.get("reason", "")}
    adjustment = fitting(Adjust, body)
    answer = await order_transitions.adjust(
        services, member.principal, key_of(fields), digest(adjustment), overview.order_no, adjustment
    )
    return after_action(answer, f"/console/orders/{overview.order_no}")
