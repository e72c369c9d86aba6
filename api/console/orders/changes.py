"""Changing an order's address, lines, note or delivery slot: a form, what it would mean, and the change itself."""

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic import ValidationError

from api.authorization import visible_order
from api.console.action_forms import refusal
from api.console.field_errors import field_errors
from api.console.forms import digest, key_of, new_key
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, require, services_of
from api.errors import Problem
from api.http.request_body import refused
from api.pages.line_fields import form_lines, typed_lines
from api.pages.notices import acknowledged
from api.pages.slot_fields import as_typed, typed_slot
from api.presenters.orders import presented
from api.schemas.orders.changes import ChangeOrder
from api.schemas.orders.orders import Payment
from api.services.orders import order_changes, order_queries
from api.services.orders.order_changes import ChangeRequest
from domain.access import Role
from domain.errors import RuleBroken
from domain.orders.status import ChangeKind
from infra.time_zones import zone_at

router = APIRouter(prefix="/console/orders")

ADDRESS = ("name", "phone", "line1", "district", "city", "province", "postcode", "country")
NEW_LINES = range(1, 4)
MAX_DIGITS = 12


@router.get("/{order_no}/change")
async def form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What may still be changed, as it is now; and what was changed before."""
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
    services = services_of(request)
    found, done = await order_queries.with_changes(services, number)
    zone = zone_at(found["ship_to"], services.settings.portal_time_zone)
    offered = {ChangeKind(action) for action in presented(found, member.principal, services.settings)["allowed_actions"]
               if action in set(ChangeKind)}  # fmt: skip
    context: dict[str, Any] = {
        "order": found,
        "units": form_lines("quantity", found["lines"]),
        "offered": offered,
        "address": ADDRESS,
        "new_lines": NEW_LINES,
        "history": done,
        "typed": as_typed(found["delivery_slot"], zone) | (typed or {}),
        "zone": zone.key,
        "problem": problem,
        "errors": field_errors(problem, language(request)) if problem else {},
    }
    status = problem.status_code if problem else 200
    return page(request, "order_change.html", status=status, member=member, **context)


@router.post("/{order_no}/change")
async def change(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Tell what it would mean, or, once confirmed, do it; what is refused comes back with the form."""
    require(member.principal, Role.SUPPORT)
    services, fields = services_of(request), await posted(request, member)
    number = (await visible_order(services, member.principal, order_no)).order_no
    if fields.get("edit"):
        return await _page(request, member, number, fields)
    try:
        return await _changed(request, member, number, fields)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, number, fields, refusal(error))


async def _changed(request: Request, member: StaffMember, number: str, fields: dict[str, str]) -> Response:
    """The preview, or, once it is confirmed, the way back to the order. Raises what the HTTP call raises."""
    services = services_of(request)
    ship_to = await _destination(services, number)
    body = _body(fields, zone_at(ship_to, services.settings.portal_time_zone))
    change = _change(services, body, fields.get("seen", ""))
    if fields.get("token"):
        change = replace(change, payment=_payment(services, fields["token"]))
    if fields.get("confirmed"):
        await order_changes.change(services, member.principal, key_of(fields), digest(body), number, change)
        return acknowledged(request, f"/console/orders/{number}", "done.change")
    # What it would cost more may be paid on the next page.
    change = replace(change, payment=_payment(services, "preview"))
    hidden = {name: value for name, value in fields.items() if name not in ("confirmed", "key", "token", "edit")}
    context: dict[str, Any] = {
        "order_no": number,
        "ship_to": ship_to,
        "means": await order_changes.preview(services, number, change),
        "kept": hidden,
        "key": new_key(),
    }
    return page(request, "order_change_confirm.html", member=member, **context)


async def _destination(services: Services, order_no: str) -> dict[str, str] | None:
    known: dict[str, str] | None = (await order_queries.known(services, order_no))["ship_to"]
    return known


def _payment(services: Services, token: str) -> Payment:
    try:
        return Payment(method=services.settings.payment_provider, token=token.strip())
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None


def _change(services: Services, body: ChangeOrder, versions: str) -> ChangeRequest:
    return order_changes.change_request_of(
        body, frozenset({versions}) - {order_changes.ANY}, services.settings.max_order_lines
    )


def _body(fields: dict[str, str], zone: ZoneInfo) -> ChangeOrder:
    """The form as the HTTP call's body: what it does not show is left as it is. Raises Problem as the call does."""
    value: dict[str, Any] = {}
    if "ship_to.line1" in fields:
        value["ship_to"] = {name: fields.get(f"ship_to.{name}", "").strip() for name in ADDRESS}
    if wanted := typed_lines("quantity", fields):
        more = {fields.get(f"sku.{n}", "").strip(): fields.get(f"units.{n}", "") for n in NEW_LINES}
        wanted += [({"sku": sku}, typed) for sku, typed in more.items() if sku]
        value["lines"] = [{**named, "quantity": _number(typed)} for named, typed in wanted if typed.strip() != "0"]
    if "note" in fields:
        value["note"] = fields["note"].replace("\r\n", "\n").strip()
    if "slot_day" in fields:
        value["delivery_slot"] = typed_slot(fields, zone)
    try:
        return ChangeOrder.model_validate(value)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None


def _number(typed: str) -> int | str:
    """A whole number as one; anything else stays text, which the model refuses."""
    clean = typed.strip()
    return int(clean) if clean.isascii() and clean.isdigit() and len(clean) <= MAX_DIGITS else clean
