"""One order, whole: what it waits for, what happened, its money and parcels, and what may be done."""

import hashlib
import secrets
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible_order
from api.console.collaboration import panel
from api.console.forms import reason_of
from api.console.orders.situation_links import PLACES
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, services_of
from api.pages.i18n import language
from api.pages.rendering import amounts, sentence_time
from api.presenters import situations
from api.presenters.orders import presented
from api.services import customer_feedback, document_issuing, notifications
from api.services.orders import order_cancellation, order_record
from domain.access import Role
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/console/orders")

MAX_EVENTS = 500


@router.get("/{order_no}")
async def order(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The order's page, live."""
    template = "order_live.html" if request.headers.get("x-live") else "order.html"
    return await _page(request, member, order_number(order_no), template)


async def _page(request: Request, member: StaffMember, number: str, template: str) -> Response:
    bind_order(number)
    services = services_of(request)
    record = await order_record.read(services, number, MAX_EVENTS, with_feedback=member.may(*customer_feedback.READ_BY))
    found = record.order
    view, lang = presented(found, member.principal, services.settings), language(request)
    context: dict[str, Any] = {
        "order": view,
        "places": PLACES,
        "situation": situations.for_order(found, view, member.principal, lang, sentence_time(lang), amounts(lang)),
        "events": record.events[::-1],
        "acts": record.actions,
        "totals": _totals(view["payments"], found["left_minor"]),
        "documents": record.documents,
        "feedback": record.feedback,
        "reads_documents": member.may(*document_issuing.HANDLED_BY),
        "told": record.messages,
        "corrected": found["contact_corrected"],
        # Names and addresses are for those who talk to the customer or write on the parcel.
        "sees_person": member.may(Role.SUPPORT, Role.WAREHOUSE),
        "sees_money": member.may(Role.SUPPORT, Role.FINANCE, Role.OPERATIONS),
    }
    if template == "order.html":
        context["collaboration"] = await panel.read(request, member, number)
    return page(request, template, member=member, **context)


def _totals(payments: list[dict[str, Any]], left: int) -> dict[str, int]:
    """Minor units captured, refunded and kept, of what succeeded; `left` to refund is without what is promised."""

    def total(kind: str) -> int:
        done = (payment for payment in payments if payment["kind"] == kind and payment["status"] == "succeeded")
        return sum(payment["amount_minor"] for payment in done)

    captured, refunded = total("capture"), total("refund")
    return {"captured": captured, "refunded": refunded, "kept": captured - refunded, "left": left}


@router.get("/{order_no}/cancel")
async def preview(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What cancelling would mean, before anything moves."""
    require(member.principal, Role.SUPPORT)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    means = await order_cancellation.consequence(services, overview)
    context: dict[str, Any] = {"order_no": overview.order_no, "means": means}
    return page(request, "order_cancel.html", member=member, key=secrets.token_hex(16), **context)


@router.post("/{order_no}/cancel")
async def cancel(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Cancel the order."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    reason = reason_of(fields)
    digest = hashlib.sha256(f"cancel {overview.order_no}\n{reason}".encode()).digest()
    key = fields.get("key") or secrets.token_hex(16)
    await order_cancellation.cancel(services, member.principal, key, overview, digest, reason)
    return RedirectResponse(f"/console/orders/{overview.order_no}", 303)


@router.get("/{order_no}/messages/{message_id}")
async def message(request: Request, member: CurrentStaff, order_no: str, message_id: str) -> Response:
    """A message exactly as it was sent."""
    require(member.principal, *notifications.READ_BY)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await notifications.as_sent(services, overview.order_no, message_id)
    return page(request, "order_message.html", member=member, order_no=overview.order_no, message=found)


@router.post("/{order_no}/messages/{message_id}")
async def send_again(request: Request, member: CurrentStaff, order_no: str, message_id: str) -> Response:
    """Have a message that failed sent again."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    key = fields.get("key") or secrets.token_hex(16)
    await notifications.send_again(services, member.principal, key, overview.order_no, message_id)
    return RedirectResponse(f"/console/orders/{overview.order_no}", 303)
