"""What an order's workflow does at this moment, acts on an activity that is still trying, and the reset after a bug."""

import hashlib
import secrets
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api.authorization import OrderOverview, visible_order
from api.console.action_forms import ActionForm, form_page, key_after, refusal, spoken
from api.console.field_errors import field_errors
from api.console.forms import reason_of
from api.console.i18n import WORDS, language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import Services, order_number, require, services_of
from api.errors import Problem
from api.http.request_body import refused
from api.idempotency import IdempotentRequest, request_of
from api.pages.notices import acknowledged
from api.schemas.support.workflow_operations import MAX_TIMEOUT_S, ActivityAct, Reset
from api.services.support import workflow_operations
from domain.access import Role
from domain.errors import RuleBroken
from infra.observability.telemetry import bind_order
from infra.temporal.running_activities import ActivityAction

router = APIRouter(prefix="/console/orders")

Model = TypeVar("Model", ActivityAct, Reset)
ActivityId = Annotated[str, Path(max_length=100)]


@router.get("/{order_no}/running")
async def running(request: Request, member: CurrentStaff, order_no: str) -> Response:
    """The activities under way with attempt, last error and next try, and a failing workflow task. Asks Temporal."""
    require(member.principal, Role.SUPPORT)
    order = await _known(services_of(request), member, order_no)
    return await _page(request, member, order)


async def _page(
    request: Request,
    member: StaffMember,
    order: OrderOverview,
    typed: dict[str, str] | None = None,
    refused: str = "",
    problem: Problem | None = None,
) -> Response:
    """The page; after a refusal, the form of the activity keeps what was typed, and nothing on the page changes."""
    template = "running_live.html" if request.headers.get("x-live") else "running.html"
    found = await workflow_operations.under_way(services_of(request), order.order_no)
    possible = {activity.activity_id: workflow_operations.possible(activity) for activity in found.activities}
    typed = typed or {}
    context: dict[str, Any] = {
        "order_no": order.order_no,
        "found": found,
        "acts": possible,
        "resettable": workflow_operations.resettable(found, order.status),
        "key": key_after(problem, typed),
        "typed": typed,
        "refused": refused,
        "problem": problem,
        "at_form": typed.get("action") in possible.get(refused, ()),
        "errors": field_errors(problem, language(request)) if problem else {},
    }
    status = problem.status_code if problem else 200
    return page(request, template, status=status, member=member, max_timeout_s=MAX_TIMEOUT_S, **context)


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
    """The form as a request with a key. The key says all that was asked: another act under a key that was used before,
    by the page gone back to, is another act."""
    digest = hashlib.sha256(f"{what}\n{body.model_dump_json()}".encode())
    key = hashlib.sha256(f"{fields.get('key') or secrets.token_hex(16)}\n{digest.hexdigest()}".encode()).hexdigest()
    return request_of(member.principal, key, digest.digest())


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
