"""The queue of parked orders: by cause, one by one, all of a cause at once."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.action_forms import ActionForm, form_page, reason_in, refusal, require_filled
from api.console.approvals.approval_requests import after_action
from api.console.forms import digest, fitting, key_of
from api.console.i18n import WORDS, language
from api.console.orders import queue_rows, resolution_forms, shown_order
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import order_number, require, services_of
from api.errors import Problem
from api.schemas.fields import Code, Reference
from api.schemas.support.parked_steps import BulkResolve, Resolve
from api.services.support import bulk_resolution, parked_queue, step_resolution
from api.services.support.parked_queue import JobFilter
from domain.access import Role
from domain.errors import Conflict, RuleBroken
from domain.support.steps import STEPS, Action, Step, shape_of

router = APIRouter(prefix="/console/stuck")

# On the page of all causes: each cause leads to the whole of its orders.
PAGE_SIZE, LONGEST = 50, 20
DEFAULT_RATE = "20"
# Operations are alerted about what is in the queue; they look, support acts.
READ_BY = (Role.SUPPORT, Role.OPERATIONS)


@router.get("")
async def queue(request: Request, member: CurrentStaff) -> Response:
    """Parked orders by cause, live."""
    return await _groups(request, member, "stuck.html")


@router.get("/groups")
async def queue_again(request: Request, member: CurrentStaff) -> Response:
    """The part of the queue that lives."""
    return await _groups(request, member, "stuck_groups.html")


async def _groups(request: Request, member: StaffMember, template: str) -> Response:
    require(member.principal, *READ_BY)
    found = await parked_queue.overview(services_of(request), LONGEST)
    context: dict[str, Any] = {
        "groups": found.groups,
        "rows": queue_rows.rows(request, member, found.longest),
        "more": found.more,
    }
    return page(request, template, member=member, **context)


@router.get("/group")
async def group(
    request: Request,
    member: CurrentStaff,
    step: Step,
    error: Reference | None = None,
    provider: Code | None = None,
    cursor: Annotated[str | None, Query(max_length=300)] = None,
) -> Response:
    """The orders of one cause, the longest parked first, and what can be done with all of them."""
    require(member.principal, *READ_BY)
    services = services_of(request)
    found = await parked_queue.queue(services, step, error, provider, PAGE_SIZE, cursor)
    chosen = {"step": step.value, "error": error, "provider": provider}
    return page(
        request,
        "stuck_group.html",
        member=member,
        rows=queue_rows.rows(request, member, found.items),
        next_cursor=found.next_cursor,
        chosen=chosen,
        resolvable=_bulk_actions(step) if member.may(Role.SUPPORT) else [],
    )


def _actions(step: Step) -> list[tuple[str, dict[str, str]]]:
    """The actions that the step allows, each with the fields of its value."""
    return [(action.value, shape_of(step, action) or {}) for action in STEPS[step].options]


def _bulk_actions(step: Step) -> list[tuple[str, dict[str, str]]]:
    """Those that make sense for many orders: an address or a token, a tracking number, is one order's."""
    return [(action, shape) for action, shape in _actions(step) if not shape]


@router.post("/bulk")
async def bulk(request: Request, member: CurrentStaff) -> Response:
    """The same act on all orders of a filter; the number of orders is typed before anything moves, and holds."""
    require(member.principal, Role.SUPPORT)
    fields = await posted(request, member)
    body = fitting(BulkResolve, _bulk(fields))
    if body.expected is None or "key" not in fields:
        return await _confirm(request, member, fields, body)
    try:
        answer = await bulk_resolution.resolve_many(
            services_of(request), member.principal, key_of(fields), digest(body), body
        )
    except Problem as problem:
        if problem.code != "expected_differs":
            raise
        return await _confirm(request, member, fields, body)
    return after_action(request, answer, f"/console/jobs/{bulk_resolution.job_of(answer)}", "done.job")


async def _confirm(request: Request, member: StaffMember, fields: dict[str, str], body: BulkResolve) -> Response:
    """How many there are now. Raises Problem `nothing_stuck`."""
    chosen = JobFilter(
        step=fields.get("step") or None, error=fields.get("error") or None, provider=fields.get("provider") or None
    )
    touched = await parked_queue.size(services_of(request), body.action.value, chosen)
    orders = sum(row.orders for row in touched)
    if not orders:
        raise Problem("nothing_stuck", "no stuck order fits any more: somebody was quicker, or the cause is over")
    requested = {name: value for name, value in fields.items() if name not in ("count", "key")}
    again = "count" in fields
    context: dict[str, Any] = {
        "fields": requested,
        "touched": touched,
        "orders": orders,
        "key": secrets.token_hex(16),
        "again": again,
    }
    return page(request, "stuck_confirm.html", status=409 if again else 200, member=member, **context)


@router.get("/{order_no}")
async def one(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """One order that needs attention: where it stands, and a form for each action that resolves it."""
    require(member.principal, *READ_BY)
    number = order_number(order_no)
    found = await parked_queue.parked_order(services_of(request), member.principal, number)
    shown = await shown_order.read(request, member, number)
    resolvable = member.may(Role.SUPPORT) and found.step.step is not None
    context: dict[str, Any] = {
        "order": shown.view,
        "situation": shown.situation,
        "actions": [],
        "step": found.step,
        "last": found.last_action,
        "forms": resolution_forms.forms_of(request, shown, found) if resolvable else [],
    }
    return page(request, "stuck_order.html", member=member, key=secrets.token_hex(16), **context)


@router.get("/{order_no}/{action}")
async def form(request: Request, member: CurrentStaff, order_no: str, action: Action) -> Response:
    """The form of one action, as a page or in the side panel of the order."""
    require(member.principal, Role.SUPPORT)
    found = await _form(request, member, order_number(order_no), action)
    if found is None:
        return RedirectResponse(f"/console/stuck/{order_number(order_no)}", 303)
    return form_page(request, member, found)


@router.post("/{order_no}/{action}")
async def carry_out(request: Request, member: CurrentStaff, order_no: str, action: Action) -> Response:
    """Carry it out; what is refused comes back with the form, which keeps what was typed."""
    require(member.principal, Role.SUPPORT)
    number, fields = order_number(order_no), await posted(request, member)
    found = await _form(request, member, number, action)
    if found is None:
        raise Conflict("not_parked", "the order needs no attention any more")
    try:
        require_filled(found, fields)
        wanted = fields | {"action": action, "reason": reason_in(fields, found)}
        return await _resolve(request, member, number, wanted, found.label)
    except (Problem, RuleBroken) as error:
        return form_page(request, member, found, typed=fields, problem=refusal(error))


async def _form(request: Request, member: StaffMember, number: str, action: Action) -> ActionForm | None:
    """None where the order is not parked any more, or its step does not offer the action."""
    found = await parked_queue.parked_order(services_of(request), member.principal, number)
    if action not in (found.step.options or ()):
        return None
    return resolution_forms.form_of(request, await shown_order.read(request, member, number), found, action)


@router.post("/{order_no}")
async def resolve(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The same from a page that names the action in its form."""
    require(member.principal, Role.SUPPORT)
    fields = await posted(request, member)
    label = WORDS.code_words(language(request), "action", fields.get("action", ""))
    return await _resolve(request, member, order_number(order_no), fields, label)


async def _resolve(request: Request, member: StaffMember, number: str, fields: dict[str, str], label: str) -> Response:
    body = fitting(
        Resolve, {**_resolution_fields(fields), "reason": fields.get("reason", ""), "park_no": _park_no(fields)}
    )
    key = key_of(fields)
    answer = await step_resolution.resolve_one(services_of(request), member.principal, key, digest(body), number, body)
    return after_action(request, answer, f"/console/orders/{number}", "done.resolved", action=label)


def _resolution_fields(fields: dict[str, str]) -> dict[str, Any]:
    """Action and value of a form: the fields `value.NAME` make the value."""
    value = {name.removeprefix("value."): text.strip() for name, text in fields.items() if name.startswith("value.")}
    return {"action": fields.get("action", ""), "value": value or None}


def _park_no(fields: dict[str, str]) -> int | None:
    """The step that the page showed."""
    typed = fields.get("park_no", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None


def _bulk(fields: dict[str, str]) -> dict[str, Any]:
    chosen = {name: fields[name] for name in ("step", "error", "provider") if fields.get(name)}
    rate = fields.get("rate_per_s") or DEFAULT_RATE
    count = fields.get("count", "").strip()
    expected = int(count) if count.isascii() and count.isdigit() and len(count) < 10 else None
    named = {"filter": chosen, "all": not chosen, "expected": expected}
    return {**_resolution_fields(fields), "reason": fields.get("reason", ""), "rate_per_s": rate, **named}
