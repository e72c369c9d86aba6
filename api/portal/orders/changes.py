"""Changing an order after it was placed: where it goes, when, how many of each, the note; each previewed, then done."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from api.dependencies import Services, services_of
from api.errors import Problem
from api.pages.forms import digest, fitting, key_of
from api.pages.i18n import language
from api.pages.line_fields import form_lines
from api.pages.slot_fields import as_typed, typed_slot
from api.portal.confirmation import Confirmation, confirm
from api.portal.payments import cards_of
from api.portal.rendering import HOME, address_of, cash, page, slot_text, teller
from api.portal.session import CurrentCustomer, CustomerSession, owned, posted
from api.schemas.orders.changes import ChangeOrder
from api.schemas.orders.orders import Payment
from api.services.orders import order_changes, order_queries
from api.services.orders.change_consequences import ChangeConsequence, LinesChange, SlotChange
from api.services.orders.order_changes import ChangeRequest
from api.services.orders.order_types import OrderFields
from domain.access import Principal
from domain.errors import RuleBroken
from domain.orders.status import ChangeKind as Changes
from domain.orders.status import Status, open_changes
from infra.time_zones import zone_at

router = APIRouter(prefix=f"{HOME}/orders")

What = Literal["address", "lines", "note", "delivery_slot"]
ADDRESS = ("name", "phone", "country", "province", "city", "district", "line1", "postcode")
_QUANTITY = re.compile(r"^\d{1,7}$")
_PIECES = "pieces"


@router.get("/{order_no}/change/{what}")
async def form(request: Request, session: CurrentCustomer, order_no: str, what: What) -> Response:
    """The order as it is, to be written over."""
    _, order = await _order(services_of(request), session, order_no)
    _refuse_too_late(order, what)
    return _form(request, order, what, _as_it_is(order, what, _zone(services_of(request), order)))


@router.post("/{order_no}/change/{what}")
async def preview(request: Request, session: CurrentCustomer, order_no: str, what: What) -> Response:
    """What the change would mean; what does not fit is said above the form, which keeps what was typed."""
    services, fields = services_of(request), await posted(request, session)
    _, order = await _order(services, session, order_no)
    hidden = {name: value for name, value in fields.items() if name != "key"}
    try:
        change = _change(services, fitting(ChangeOrder, _body(services, order, what, fields)), fields)
        cards = cards_of(services.settings)
        if cards:  # the difference can be paid on the next page
            change = replace(change, payment=_payment(services, cards[0]))
        previewed = await order_changes.preview(services, order["order_no"], change)
    except RuleBroken as error:
        if error.code != "invalid_delivery_slot":
            raise
        return _form(request, order, what, fields, Problem(error.code, error.detail))
    except Problem as problem:
        if problem.status_code in (409, 412):  # the order has moved on: this form is over
            raise
        return _form(request, order, what, fields, problem)
    if not previewed.changes:
        return _form(request, order, what, fields, Problem("nothing_to_change"))
    means = list(_means(request, order, previewed, fields))
    path = f"{HOME}/orders/{order['order_no']}/change/{what}"
    offered = cards if previewed.awaits_payment else ()
    confirmation = Confirmation(
        f"change.{what}", order["order_no"], f"{path}/do", means, hidden, back=path, cards=offered
    )
    return confirm(request, confirmation)


@router.post("/{order_no}/change/{what}/do")
async def change(request: Request, session: CurrentCustomer, order_no: str, what: What) -> Response:
    """Change the order."""
    services, fields = services_of(request), await posted(request, session)
    customer, order = await _order(services, session, order_no)
    key, body = key_of(fields), fitting(ChangeOrder, _body(services, order, what, fields))
    change = _change(services, body, fields)
    if "token" in fields:
        change = replace(change, payment=_payment(services, fields["token"]))
    await order_changes.change(services, customer, key, digest(body), order["order_no"], change)
    return RedirectResponse(f"{HOME}/orders/{order['order_no']}", 303)


async def _order(services: Services, session: CustomerSession, typed: str) -> tuple[Principal, OrderFields]:
    customer, overview = await owned(services, session, typed)
    return customer, await order_queries.known(services, overview.order_no)


def _refuse_too_late(order: OrderFields, what: What) -> None:
    """Raises Problem `too_late_to_change`: a form that cannot be sent is not shown."""
    waits = order["pending_change"] is not None
    if waits:
        raise Problem("change_in_progress", "a change waits for its payment", status=409)
    known = open_changes(Status(order["status"]), order["paying"], order["booked"], waits)
    if Changes(f"change_{what}") not in known or order["cancelling"]:
        raise Problem("too_late_to_change", "this cannot be changed any more", status=409)


def _zone(services: Services, order: OrderFields) -> ZoneInfo:
    return zone_at(order["ship_to"], services.settings.portal_time_zone)


def _as_it_is(order: OrderFields, what: What, zone: ZoneInfo) -> dict[str, str]:
    version = {"seen": str(order["event_seq"])}
    if what == "address":
        known = order["ship_to"] or {}
        return {name: known.get(name) or "" for name in ADDRESS} | version
    if what == "note":
        return {"note": order["note"] or "", **version}
    if what == "delivery_slot":
        return as_typed(order["delivery_slot"], zone) | version
    return {line.field: str(line.quantity) for line in form_lines(_PIECES, order["lines"])} | version


def _form(
    request: Request, order: OrderFields, what: What, fields: dict[str, str], problem: Problem | None = None
) -> Response:
    goods = form_lines(_PIECES, order["lines"])
    missing = [str(error["field"]).rpartition(".")[2] for error in problem.errors] if problem else []
    context: dict[str, Any] = {"order": order, "what": what, "fields": fields, "goods": goods, "names": ADDRESS}
    context["refusal_facts"] = problem.facts if problem else None
    context["slot_zone"] = _zone(services_of(request), order).key
    code = problem.code if problem else ""
    status = problem.status_code if problem else 200
    return page(request, "change.html", status=status, refused=code, missing=missing, **context)


def _goods(order: OrderFields) -> dict[str, tuple[str, int]]:
    """Name and pieces of each SKU."""
    found: dict[str, tuple[str, int]] = {}
    for line in order["lines"]:
        found[line["sku"]] = (line["name"], found.get(line["sku"], ("", 0))[1] + line["quantity"])
    return found


def _body(services: Services, order: OrderFields, what: What, fields: dict[str, str]) -> dict[str, Any]:
    """The form as the body of the HTTP call. Raises Problem `invalid_quantity`, `empty_order`,
    `invalid_delivery_slot`."""
    if what == "address":
        return {"ship_to": {name: fields.get(name, "").strip() for name in ADDRESS}}
    if what == "note":
        return {"note": fields.get("note", "").replace("\r\n", "\n").strip()}
    if what == "delivery_slot":
        return {"delivery_slot": typed_slot(fields, _zone(services, order))}
    pieces = [
        (
            {"line_no": line.line_no} if line.several else {"sku": line.sku},
            fields.get(line.field, str(line.quantity)).strip(),
        )
        for line in form_lines(_PIECES, order["lines"])
    ]
    if any(not _QUANTITY.match(typed) for _, typed in pieces):
        raise Problem("invalid_quantity", "a quantity is a whole number")
    lines = [{**named, "quantity": int(typed)} for named, typed in pieces if int(typed)]
    if not lines:
        raise Problem("empty_order", "an order needs at least one line")
    return {"lines": lines}


def _change(services: Services, body: ChangeOrder, fields: dict[str, str]) -> ChangeRequest:
    versions = frozenset({fields.get("seen", "")})
    return order_changes.change_request_of(body, versions, services.settings.max_order_lines)


def _payment(services: Services, token: str) -> Payment:
    return fitting(Payment, {"method": services.settings.payment_provider, "token": token})


def _slot_means(request: Request, slot: dict[str, str] | None, ship_to: dict[str, str] | None) -> Markup:
    sentence = teller(language(request))
    return (
        sentence("change.means.slot", slot=slot_text(request, slot, ship_to))
        if slot
        else sentence("change.means.no_slot")
    )


def _means(
    request: Request, order: OrderFields, preview: ChangeConsequence, fields: dict[str, str]
) -> Iterator[str | Markup]:
    """The consequence as sentences."""
    sentence, currency = teller(language(request)), preview.currency
    for change in preview.changes:
        if change.what == "address":
            to = address_of({name: fields.get(name, "") for name in ADDRESS})
            yield sentence("change.means.address", name=fields.get("name", ""), address=to)
        elif change.what == "note":
            note = fields.get("note", "").strip()
            yield sentence("change.means.note", note=note) if note else sentence("change.means.no_note")
        elif isinstance(change, SlotChange):
            yield _slot_means(request, change.after, order["ship_to"])
        for row in change.lines if isinstance(change, LinesChange) else ():
            name = _goods(order)[row.sku][0]
            yield sentence("change.means.line", name=name, before=row.before, after=row.after)
    if freed := -sum(row.quantity for row in preview.stock if row.quantity < 0):
        yield sentence("means.freed", count=freed)
    if preview.total_after_minor == preview.total_before_minor:
        return
    before, after = (cash(total, currency) for total in (preview.total_before_minor, preview.total_after_minor))
    yield sentence("change.means.total", before=before, after=after)
    if preview.refund_minor:
        yield sentence("change.means.refund", amount=cash(preview.refund_minor, currency))
    elif preview.awaits_payment:
        yield sentence("change.means.difference", amount=cash(preview.to_pay_minor, currency))
    elif preview.to_pay_minor:
        yield sentence("change.means.to_pay", amount=cash(preview.to_pay_minor, currency))
