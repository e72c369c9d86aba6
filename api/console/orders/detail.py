"""The page of an order: what it waits for, what happened, payments and parcels, and actions."""

import hashlib
from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.authorization import visible_order
from api.console.action_forms import ActionForm, form_page, refusal
from api.console.collaboration import panel
from api.console.forms import key_of, reason_of
from api.console.i18n import WORDS, language
from api.console.orders import shown_order, timeline_entries
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, services_of
from api.errors import Problem
from api.http.responses import private_picture_response
from api.pages.notices import acknowledged
from api.presenters import situations
from api.services.after_sales import order_photographs
from api.services.catalogue import line_products
from api.services.documents import document_issuing
from api.services.feedback import customer_feedback
from api.services.notifications import order_messages
from api.services.orders import order_cancellation, order_record
from api.services.orders.order_drafting import payment_url
from api.services.orders.order_record import OrderRecord
from domain.access import Role
from domain.errors import RuleBroken
from domain.orders.holds import PUT_ON_BY, can_be_held
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentStatus, has_part_to_book
from domain.shipping.tracking_links import shops_pages, tracking_link
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/console/orders")

MAX_EVENTS = 500
Shown = Literal["", "events", "actions", "messages", "notes", "feedback"]


@router.get("/{order_no}")
async def order(request: Request, member: CurrentStaff, order_no: str, show: Shown = "") -> Response:
    """The order's page, live. `show` is the kind of entries that its timeline has, all without it."""
    number = order_number(order_no)
    bind_order(number)
    record = await order_record.read(
        services_of(request), number, MAX_EVENTS, with_feedback=member.may(*customer_feedback.READ_BY)
    )
    context = _context(request, member, record, show)
    skus = [line["sku"] for line in context["order"]["lines"]]
    context["products"] = await line_products.on_lines(services_of(request), skus, language(request))
    if request.headers.get("x-live"):
        return page(request, "order_live.html", member=member, **context)
    to_pay = "pay" in context["order"]["allowed_actions"] and member.may(Role.SUPPORT)
    context["payment_url"] = payment_url(services_of(request).settings, number) if to_pay else ""
    context["collaboration"] = await panel.read(request, member, number)
    return page(request, "order.html", member=member, **context)


def _context(request: Request, member: StaffMember, record: OrderRecord, show: str) -> dict[str, Any]:
    found = shown_order.shown(request, member, record.order)
    view, entries = found.view, timeline_entries.entries(record)
    return {
        "order": view,
        "situation": found.situation,
        "actions": found.actions,
        "entries": timeline_entries.of_kind(entries, show),
        "kinds": [kind for kind in timeline_entries.KINDS if any(one.kind == kind for one in entries)],
        "show": show,
        "totals": _totals(view["payments"], record.order["left_minor"]),
        "authorised_minor": situations.authorised_minor(view["payments"]),
        "customer_totals": record.customer,
        "labelled": record.labelled,
        "tracking": partial(tracking_link, shops=shops_pages(services_of(request).settings.tracking_links)),
        "documents": record.documents,
        "reads_documents": member.may(*document_issuing.HANDLED_BY),
        "may_hold": member.may(*PUT_ON_BY) and _can_be_held(view),
        "photographs": record.photographs,
        "last_message": record.messages[-1] if record.messages else None,
        "corrected": record.order["contact_corrected"],
        # Names and addresses are for roles that contact the customer or address the parcel.
        "sees_person": member.may(Role.SUPPORT, Role.WAREHOUSE),
        "sees_money": member.may(Role.SUPPORT, Role.FINANCE, Role.OPERATIONS),
    }


def _can_be_held(view: dict[str, Any]) -> bool:
    part_to_book = has_part_to_book([FulfilmentStatus(part["status"]) for part in view["fulfilments"]])
    return view["cancelling"] is None and can_be_held(Status(view["status"]), part_to_book)


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
    return form_page(request, member, _cancel_form(request, overview.order_no, means))


@router.post("/{order_no}/cancel")
async def cancel(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Cancel the order; what is refused comes back with the form."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    try:
        reason = reason_of(fields)
        digest = hashlib.sha256(f"cancel {overview.order_no}\n{reason}".encode()).digest()
        key = key_of(fields)
        await order_cancellation.cancel(services, member.principal, key, overview, digest, reason)
    except (Problem, RuleBroken) as error:
        problem, form = refusal(error), _cancel_form(request, overview.order_no, None)
        return form_page(request, member, form, typed=fields, problem=problem)
    return acknowledged(request, f"/console/orders/{overview.order_no}", "done.cancel")


def _cancel_form(request: Request, number: str, means: object) -> ActionForm:
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/cancel",
        label=WORDS.code_words(language(request), "action", "cancel"),
        means=means,
        danger=True,
        reason="required",
    )


@router.get("/{order_no}/photographs/{file_id}")
async def photograph(
    request: Request, member: CurrentStaff, order_no: str, file_id: str, size: Literal["full", "small"] = "full"
) -> Response:
    """A photograph that the customer sent of the parcel, or with a return."""
    require(member.principal, *order_photographs.SEEN_BY)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await order_photographs.one(services, overview.order_no, file_id, size == "small")
    return private_picture_response(found)


@router.get("/{order_no}/messages/{message_id}")
async def message(request: Request, member: CurrentStaff, order_no: str, message_id: str) -> Response:
    """A message exactly as it was sent."""
    require(member.principal, *order_messages.READ_BY)
    services = services_of(request)
    overview = await visible_order(services, member.principal, order_no)
    found = await order_messages.as_sent(services, member.principal, overview.order_no, message_id)
    return page(request, "order_message.html", member=member, order_no=overview.order_no, message=found)


@router.post("/{order_no}/messages/{message_id}")
async def send_again(request: Request, member: CurrentStaff, order_no: str, message_id: str) -> Response:
    """Have a message that failed sent again."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    overview = await visible_order(services, member.principal, order_no)
    key = key_of(fields)
    await order_messages.send_again(services, member.principal, key, overview.order_no, message_id)
    return acknowledged(request, f"/console/orders/{overview.order_no}", "done.message")
