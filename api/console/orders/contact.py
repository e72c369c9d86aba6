"""Correcting an order's contact: a form, and having the last message sent to it."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.schemas.orders.contacts import CorrectContact
from api.services.orders import contact_corrections, order_queries
from api.services.orders.contact_corrections import PARTS, ContactCorrection
from api.services.orders.order_changes import ANY
from domain.access import Role

router = APIRouter(prefix="/console/orders")


@router.get("/{order_no}/contact")
async def form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The contact as it is now."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await order_queries.known(services, overview.order_no)
    context: dict[str, Any] = {"order": found, "parts": PARTS, "key": new_key()}
    return page(request, "order_contact.html", member=member, **context)


@router.post("/{order_no}/contact")
async def correct(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Correct it."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    value: dict[str, Any] = {part: fields[part].strip() for part in PARTS if part in fields}
    value |= {part: None for part in ("email", "phone") if value.get(part) == ""}
    value |= {"reason": fields.get("reason", ""), "send_last_again": bool(fields.get("send_last_again"))}
    body = fitting(CorrectContact, value)
    correction = ContactCorrection(frozenset({fields.get("seen", "")}) - {ANY}, body)
    await contact_corrections.correct(
        services, member.principal, key_of(fields), digest(body), overview.order_no, correction
    )
    return RedirectResponse(f"/console/orders/{overview.order_no}", 303)


@router.post("/{order_no}/messages")
async def send_last_again(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Have the last message sent to the contact of today."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    digest = contact_corrections.digest_of_resend(overview.order_no)
    await contact_corrections.send_last_again(services, member.principal, key_of(fields), digest, overview.order_no)
    return RedirectResponse(f"/console/orders/{overview.order_no}", 303)
