"""What an order's workflow does at this moment, acts on an activity that is still trying, and the reset after a bug."""

import hashlib
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api.authorization import OrderOverview, visible_order
from api.console.action_forms import ActionForm, form_page, refusal, spoken
from api.console.field_errors import field_errors
from api.console.forms import key_of, new_key, reason_of
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, order_number, require, services_of
from api.errors import Problem
from api.http.request_body import refused
from api.idempotency import IdempotentRequest, request_of
from api.pages.notices import acknowledged
from api.schemas.fields import LINE
from api.schemas.support.workflow_operations import MAX_TIMEOUT_S, ActivityAct, Reset
from api.services.support import workflow_operations
from domain.access import Role
from domain.errors import RuleBroken
from infra.observability.telemetry import bind_order
from infra.temporal.running_activities import ActivityAction, UnderWay

router = APIRouter(prefix="/console/orders")

Model = TypeVar("Model", ActivityAct, Reset)
ActivityId = Annotated[str, Path(max_length=100)]
Seen = Annotated[str | None, Query(max_length=16, pattern=LINE)]


@router.get("/{order_no}/running")
async def running(request: Request, member: CurrentStaff, order_no: str, seen: Seen = None) -> Response:
    """The activities under way with attempt, last error and next try, and a failing workflow task. Asks Temporal.
    `seen` is what an open page offers: its live part says when that is not what is possible any more."""
    require(member.principal, Role.SUPPORT)
    order = await _known(services_of(request), member, order_no)
    return await _page(request, member, order, seen=seen)


async def _page(
    request: Request,
    member: StaffMember,
    order: OrderOverview,
    typed: dict[str, str] | None = None,
    refused: str = "",
    problem: Problem | None = None,
    seen: str | None = None,
) -> Response:
    """The page; after a refusal, the form of the activity keeps what was typed, and nothing on the page changes."""
    template = "running_live.html" if request.headers.get("x-live") else "running.html"
    found = await workflow_operations.under_way(services_of(request), order.order_no)
    possible = {one.activity_id: workflow_operations.offered(one) for one in found.activities}
    resettable = workflow_operations.resettable(found, order.status)
    typed = typed or {}
    context: dict[str, Any] = {
        "order_no": order.order_no,
        "found": found,
        "acts": possible,
        "resettable": resettable,
        "offered": _offered(found, possible, resettable),
        "seen": seen,
        "key": new_key(),
        "typed": typed,
        "refused": refused,
        "problem": problem,
        "at_form": typed.get("action") in possible.get(refused, ()),
        "errors": field_errors(problem, language(request)) if problem else {},
    }
    status = problem.status_code if problem else 200
    return page(request, template, status=status, member=member, max_timeout_s=MAX_TIMEOUT_S, **context)


def _offered(found: UnderWay, possible: dict[str, list[ActivityAction]], resettable: bool) -> str:
    """What the forms of the page can do, in short."""
    each = [f"{one.activity_id}:{one.name}:{','.join(possible[one.activity_id])}" for one in found.activities]
    return hashlib.sha256(f"{sorted(each)} {resettable}".encode()).hexdigest()[:16]


@router.post("/{order_no}/running/{activity_id}")
async def operate_activity(request: Request, member: CurrentStaff, order_no: str, activity_id: ActivityId) -> Response:
    """Retry now, pause, go on, or change the time-out of one activity."""
    require(member.principal, Role.SUPPORT)
    services, order = services_of(request), await _known(services_of(request), member, order_no)
    fields = await posted(request, member)
    number = order.order_no
    try:
        body = _body_of(fields)
        requested = claim(member, fields, f"{number}\n{activity_id}", body)
        await workflow_operations.operate_activity(services, member.principal, requested, number, activity_id, body)
    except (Problem, RuleBroken) as error:
        return await _page(request, member, order, fields, activity_id, refusal(error))
    return RedirectResponse(f"/console/orders/{order.order_no}/running", 303)


@router.get("/{order_no}/reset")
async def reset_form(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """What a reset does, before it is done."""
    require(member.principal, Role.SUPPORT)
    order = await _known(services_of(request), member, order_no)
    return form_page(request, member, _reset_form(request, order.order_no))


@router.post("/{order_no}/reset")
async def reset(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """Begin the order's workflow again before its last good task."""
    require(member.principal, Role.SUPPORT)
    services, order = services_of(request), await _known(services_of(request), member, order_no)
    fields, form = await posted(request, member), _reset_form(request, order.order_no)
    try:
        body = _fitting(Reset, {"reason": reason_of(fields)})
        requested = claim(member, fields, f"{order.order_no}\nreset", body)
        await workflow_operations.reset_order(services, member.principal, requested, order, body)
    except (Problem, RuleBroken) as error:
        return form_page(request, member, form, typed=fields, problem=refusal(error))
    return acknowledged(request, f"/console/orders/{order.order_no}", "done.reset")


def _reset_form(request: Request, number: str) -> ActionForm:
    return ActionForm(
        order_no=number,
        action=f"/console/orders/{number}/reset",
        label=WORDS.code_words(language(request), "action", "reset"),
        consequence=spoken(request, "reset.means"),
        reason="required",
    )


async def _known(services: Services, member: StaffMember, order_no: str) -> OrderOverview:
    """An order that this person may see. Raises NotFound `order_not_found`."""
    number = order_number(order_no)
    bind_order(number)
    return await visible_order(services, member.principal, number)


def claim(member: StaffMember, fields: dict[str, str], what: str, body: ActivityAct | Reset) -> IdempotentRequest:
    """The form as a request with a key."""
    digest = hashlib.sha256(f"{what}\n{body.model_dump_json()}".encode()).digest()
    return request_of(member.principal, key_of(fields), digest)


def _body_of(fields: dict[str, str]) -> ActivityAct:
    """Raises Problem `unknown_action`, `invalid_timeout`, `reason_missing`, and what the HTTP call would raise."""
    try:
        action = ActivityAction(fields.get("action", ""))
    except ValueError:
        raise Problem("unknown_action", f"possible are {', '.join(ActivityAction)}") from None
    timeout_s = _seconds(fields.get("timeout_s", "")) if action is ActivityAction.SET_TIMEOUT else None
    value = {"activity": fields.get("activity", ""), "action": action, "timeout_s": timeout_s}
    return _fitting(ActivityAct, {**value, "reason": reason_of(fields)})


def _seconds(typed: str) -> int:
    """Raises Problem `invalid_timeout`."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4 and 1 <= int(typed) <= MAX_TIMEOUT_S):
        raise Problem("invalid_timeout", f"a time-out is a whole number of seconds from 1 to {MAX_TIMEOUT_S}")
    return int(typed)


def _fitting(model: type[Model], value: dict[str, Any]) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None
