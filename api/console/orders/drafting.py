"""An order for a customer on the telephone: a draft with stock and total, placed with a payment link."""

from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.console.forms import digest, key_of, new_key
from api.console.i18n import WORDS, language
from api.console.orders import draft_form
from api.console.orders.draft_form import DraftForm
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, require, services_of
from api.errors import Problem, from_rule
from api.pages.notices import acknowledged
from api.schemas.orders.order_drafts import DraftId, DraftOrder
from api.services.catalogue import product_entries
from api.services.customers import customer_queries
from api.services.customers.customer_queries import CustomerRow
from api.services.orders import order_drafting, order_quotes
from api.services.orders.order_drafting import ShownDraft
from domain.errors import RuleBroken
from domain.orders.lines import RequestedLine
from domain.orders.priority import Priority
from domain.text import is_line
from infra.time_zones import zone_at

router = APIRouter(prefix="/console/orders/new")

FOUND = 10
OWN = 20
Typed = Annotated[str, Query(max_length=100)]
# What the page answers in its own way, and the form cannot cure.
_NOT_OF_THE_FORM = frozenset({"forbidden", "form_expired", "draft_not_found", "draft_placed"})


@router.get("")
async def begin(
    request: Request, member: CurrentStaff, customer: Annotated[str, Query(max_length=64)] = "", find: Typed = "",
    who: Typed = "",
) -> Response:  # fmt: skip
    """An empty form, or one for the customer named; and the person's own drafts."""
    require(member.principal, *order_drafting.PREPARED_BY)
    form = DraftForm()
    if customer and is_line(customer):
        form = _for_customer(form, await order_drafting.known_customer(services_of(request), customer))
    return await _page(request, member, form, None, find=find, who=who)


@router.get("/{draft_id}")
async def show(
    request: Request, member: CurrentStaff, draft_id: DraftId, find: Typed = "", who: Typed = ""
) -> Response:
    """The draft; once it is placed, the order and the payment link."""
    require(member.principal, *order_drafting.PREPARED_BY)
    view = await order_drafting.shown(services_of(request), member.principal, draft_id)
    if view.draft.order_no is not None:
        placed = await order_drafting.placed_order(services_of(request), member.principal, draft_id)
        return page(request, "order_placed.html", member=member, placed=placed)
    form = draft_form.of(view.order, view.quote, language(request), _shops_zone(request))
    return await _page(request, member, form, view, find=find, who=who)


@router.post("")
async def create(request: Request, member: CurrentStaff) -> Response:
    """Save a new draft, and do what the button says."""
    return await _submit(request, member, None)


@router.post("/{draft_id}")
async def submit(request: Request, member: CurrentStaff, draft_id: DraftId) -> Response:
    """Save the draft, and do what the button says."""
    return await _submit(request, member, draft_id)


@router.post("/{draft_id}/delete")
async def delete(request: Request, member: CurrentStaff, draft_id: DraftId) -> Response:
    """Delete the draft."""
    require(member.principal, *order_drafting.PREPARED_BY)
    await posted(request, member)
    await order_drafting.delete(services_of(request), member.principal, draft_id)
    return acknowledged(request, "/console/orders/new", "done.draft_deleted")


def _shops_zone(request: Request) -> str:
    return services_of(request).settings.portal_time_zone


async def _submit(request: Request, member: StaffMember, draft_id: str | None) -> Response:
    require(member.principal, *order_drafting.PREPARED_BY)
    fields = await posted(request, member)
    form = draft_form.typed(fields)
    try:
        form = await _applied(request, form, fields)
        saved_id = await _save(request, member, draft_id, fields, form.as_draft(_shops_zone(request)))
    except (Problem, RuleBroken) as error:
        return await _again(request, member, draft_id, form, error)
    if fields.get("do") == "place":
        return await _place(request, member, saved_id, fields)
    address = f"/console/orders/new/{saved_id}"
    search = {name: fields.get(name, "").strip() for name in ("find", "who")}
    if any(search.values()) and fields.get("do") != "save":
        address += f"?{urlencode({k: v for k, v in search.items() if v})}"
    return acknowledged(request, address, "done.draft_saved")


async def _applied(request: Request, form: DraftForm, fields: dict[str, str]) -> DraftForm:
    """What a button adds, removes or chooses."""
    if sku := fields.get("add_sku", ""):
        there = next((line for line in form.lines if line.sku == sku and line.quantity.isdigit()), None)
        if there is None:
            return replace(form, lines=[*form.lines, draft_form.FormLine(sku, "1")])
        more = replace(there, quantity=str(int(there.quantity[:9]) + 1))
        return replace(form, lines=[more if line is there else line for line in form.lines])
    if fields.get("remove", "").isdigit():
        gone = int(fields["remove"][:9])
        return replace(form, lines=[line for place, line in enumerate(form.lines) if place != gone])
    if fields.get("do") == "new_customer":
        return replace(form, customer_id="")
    if chosen := fields.get("choose", ""):
        return _for_customer(form, await order_drafting.known_customer(services_of(request), chosen))
    return form


def _for_customer(form: DraftForm, known: order_drafting.KnownCustomer) -> DraftForm:
    """The form for a customer whom the shop knows; their last address where none was typed."""
    ship_to = form.ship_to if any(form.ship_to.values()) else {**form.ship_to, **known.ship_to}
    return replace(form, customer_id=known.customer_id, person=known.person, language=known.language, ship_to=ship_to)


async def _save(
    request: Request, member: StaffMember, draft_id: str | None, fields: dict[str, str], order: DraftOrder
) -> str:
    key = f"{key_of(fields)} {fields.get('do', '')}"[:255]
    seen = None if draft_id is None else (draft_id, fields.get("version", ""))
    return await order_drafting.save(services_of(request), member.principal, key, digest(order), seen, order)


async def _place(request: Request, member: StaffMember, draft_id: str, fields: dict[str, str]) -> Response:
    """Place what was saved, for the total that the page showed."""
    services = services_of(request)
    seen = fields.get("seen_total", "")
    try:
        view = await order_drafting.shown(services, member.principal, draft_id)
        total = int(seen[:15]) if seen.isascii() and seen.isdigit() else -1
        if view.quote is not None and view.quote.total_minor is not None and total != view.quote.total_minor:
            raise Problem("draft_total_changed")
        await order_drafting.place(services, member.principal, draft_id, total if total >= 0 else None)
    except (Problem, RuleBroken) as error:
        form = draft_form.of(view.order, view.quote, language(request), _shops_zone(request))
        return await _again(request, member, draft_id, form, error)
    return acknowledged(request, f"/console/orders/new/{draft_id}", "done.draft_placed")


async def _again(
    request: Request, member: StaffMember, draft_id: str | None, form: DraftForm, error: Problem | RuleBroken
) -> Response:
    """The form with what was typed, and what is wrong. Raises `error` where the form cannot cure it."""
    problem = error if isinstance(error, Problem) else from_rule(error)
    if problem.code in _NOT_OF_THE_FORM:
        raise error
    services, lang = services_of(request), language(request)
    view = None
    if draft_id is not None:
        view = await order_drafting.shown(services, member.principal, draft_id)
    shown = await _quoted(request, form)
    return await _page(request, member, shown.refused(problem, lang), view, problem=problem)


async def _quoted(request: Request, form: DraftForm) -> DraftForm:
    """The lines that were typed with their price and stock."""
    wanted = [
        RequestedLine(line.sku, min(int(line.quantity[:7]), 1_000_000) if line.quantity.isdigit() else 1)
        for line in form.lines
        if is_line(line.sku)
    ]
    found = await order_quotes.quote(services_of(request), wanted, "")
    by_sku = {line.sku: line for line in found.lines}
    return replace(form, lines=[replace(line, quoted=by_sku.get(line.sku)) for line in form.lines])


async def _page(
    request: Request,
    member: StaffMember,
    form: DraftForm,
    view: ShownDraft | None,
    *,
    find: str = "",
    who: str = "",
    problem: Problem | None = None,
) -> Response:
    services, caller = services_of(request), member.principal
    products = await _products(services, find.strip())
    customers = await _customers(services, who.strip())
    drafts, _ = await order_drafting.page(services, caller, None, OWN)
    context: dict[str, Any] = {
        "form": form,
        "draft": view.draft if view else None,
        "quote": view.quote if view else None,
        "find": find,
        "who": who,
        "products": products,
        "customers": customers,
        "drafts": [row for row in drafts if view is None or row["draft_id"] != view.draft.draft_id],
        "priorities_named": [(one.value, WORDS.code_words(language(request), "priority", one)) for one in Priority],
        "problem": problem,
        "said": _said(request, problem),
        "key": new_key(),
        "default_channel": services.settings.customer_channel,
        "person": draft_form.PERSON,
        "address": draft_form.ADDRESS,
        "slot_zone": _slot_zone(form, services.settings.portal_time_zone),
    }
    return page(request, "order_new.html", status=problem.status_code if problem else 200, member=member, **context)


def _slot_zone(form: DraftForm, shops_zone: str) -> str:
    return zone_at(draft_form.place(form.ship_to), shops_zone).key


async def _products(services: Services, q: str) -> list[Any]:
    return (await product_entries.page(services, q, True, FOUND, None))[0] if is_line(q) else []


async def _customers(services: Services, q: str) -> list[CustomerRow]:
    return (await customer_queries.page(services, q, None, FOUND)).items if is_line(q) else []


def _said(request: Request, problem: Problem | None) -> str:
    """The refusal in one sentence."""
    if problem is None:
        return ""
    lang = language(request)
    if problem.errors and problem.code != "stock_short":
        return WORDS.speaker(lang)("draft.check")
    known = WORDS.explanation(lang, problem.code, problem.facts)
    return known or WORDS.code_words(lang, "problem", problem.code)
