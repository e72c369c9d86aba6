"""Corrects the contact of an order, and sends the last message to it."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, refusal, spoken
from api.console.field_errors import field_errors
from api.console.forms import digest, fitting, key_of, new_key
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.schemas.orders.contacts import CorrectContact
from api.services.orders import contact_corrections, order_queries
from api.services.orders.contact_corrections import PARTS, ContactCorrection
from api.services.orders.order_changes import ANY
from domain.access import Role
from domain.errors import RuleBroken

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/contact")
async def form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The contact as it is now."""
    require(member.principal, Role.SUPPORT)
    overview = await visible_order(services_of(request), member.principal, order_no)
    return await _page(request, member, overview.order_no)


async def _page(
    request: Request,
    member: StaffMember,
    number: str,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response:
    context: dict[str, Any] = {
        "order": await order_queries.known(services_of(request), number),
        "parts": PARTS,
        "typed": typed,
        "problem": problem,
        "errors": field_errors(problem, language(request)) if problem else {},
        "key": new_key(),
    }
    status = problem.status_code if problem else 200
    return page(request, "order_contact.html", status=status, member=member, **context)


@router.post("/{order_no}/contact")
async def correct(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Correct it; what is refused comes back with the form."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    try:
        body = fitting(CorrectContact, _contact_of(fields))
        correction = ContactCorrection(frozenset({fields.get("seen", "")}) - {ANY}, body)
        await contact_corrections.correct(services, member.principal, key_of(fields), digest(body), number, correction)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, number, fields, refusal(error))
    return RedirectResponse(f"/console/orders/{number}", 303)


def _contact_of(fields: dict[str, str]) -> dict[str, Any]:
    value: dict[str, Any] = {part: fields[part].strip() for part in PARTS if part in fields}
    value |= {part: None for part in ("email", "phone") if value.get(part) == ""}
    return value | {"reason": fields.get("reason", ""), "send_last_again": bool(fields.get("send_last_again"))}


@router.get("/{order_no}/messages")
async def last_again_form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Whether to have the last message sent again."""
    require(member.principal, Role.SUPPORT)
    number = (await visible_order(services_of(request), member.principal, order_no)).order_no
    form = ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/messages",
        label=spoken(request, "told.last_again"),
        consequence=spoken(request, "told.last_again.means"),
        reason="none",
    )
    return form_page(request, member, form)


@router.post("/{order_no}/messages")
async def send_last_again(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Have the last message sent to the contact of today."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    digest = contact_corrections.digest_of_resend(overview.order_no)
    await contact_corrections.send_last_again(services, member.principal, key_of(fields), digest, overview.order_no)
    return RedirectResponse(f"/console/orders/{overview.order_no}", 303)
