"""What an order's workflow does at this moment, and acts on an activity that is still trying."""

import hashlib
import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import RedirectResponse, Response
from temporalio.client import Client

from api.console.member import Member, Signed, posted
from api.console.rendering import page
from api.dependencies import Services, actor, derived_id, order_number, require, services
from api.errors import Problem
from api.visibility import visible
from domain.access import Role
from domain.errors import Conflict
from infra import temporal_steps
from infra.db import acting, activity_acts
from infra.telemetry import bind_order
from infra.temporal_steps import ActivityAction, RunningActivity, UnderWay
from workflows import names

router = APIRouter(prefix="/console/orders")

MAX_TIMEOUT_S = 3600
MAX_REASON_CHARS = 500
ActivityId = Annotated[str, Path(max_length=100)]


@router.get("/{order_no}/running")
async def running(request: Request, person: Signed, order_no: str) -> Response:
    """The activities under way with attempt, last error and next try, and a failing workflow task. Asks Temporal."""
    require(person.principal, Role.SUPPORT)
    number = await _known(services(request), person, order_no)
    template = "running_live.html" if request.headers.get("x-live") else "running.html"
    found = await _under_way(services(request), number)
    acts = {activity.activity_id: _acts(activity) for activity in found.activities}
    context: dict[str, Any] = {"order_no": number, "found": found, "acts": acts, "key": secrets.token_hex(16)}
    return page(request, template, member=person, max_timeout_s=MAX_TIMEOUT_S, **context)


@router.post("/{order_no}/running/{activity_id}")
async def act(request: Request, person: Signed, order_no: str, activity_id: ActivityId) -> Response:
    """Retry now, pause, go on, or change the time-out of one activity."""
    require(person.principal, Role.SUPPORT)
    parts, number = services(request), await _known(services(request), person, order_no)
    fields = await posted(request, person)
    action, timeout_s, reason = _wish(fields)
    activity = await _named(parts, number, activity_id, fields.get("activity", ""))
    key = fields.get("key") or secrets.token_hex(16)
    # The id says all that was asked: another act under a key that was used before is another act.
    wish = hashlib.sha256(f"{number}\n{activity_id}\n{action}\n{timeout_s}".encode()).hexdigest()
    act_id = f"act_{derived_id(person.principal, key, wish)}"
    async with parts.database.begin() as conn:
        await acting.acts(conn, actor(person.principal), person.origin)
        await activity_acts.keep(
            conn,
            parts.keys,
            act_id,
            order_no=number,
            activity=activity.name,
            action=action.value,
            timeout_s=timeout_s,
            actor=actor(person.principal),
            reason=reason,
        )

    async def change(client: Client) -> None:
        # Temporal shows the act's id; the person's words stay in the books.
        await temporal_steps.act(client, names.order_workflow(number), activity_id, action, act_id, timeout_s)

    await parts.workflows.call(change)
    return RedirectResponse(f"/console/orders/{number}/running", 303)


async def _known(parts: Services, person: Member, order_no: str) -> str:
    """The number of an order that this person may see. Raises NotFound `order_not_found`."""
    number = order_number(order_no)
    bind_order(number)
    return (await visible(parts, person.principal, number)).order_no


async def _under_way(parts: Services, number: str) -> UnderWay:
    async def ask(client: Client) -> UnderWay:
        return await temporal_steps.under_way(client, names.order_workflow(number))

    return await parts.workflows.call(ask)


async def _named(parts: Services, number: str, activity_id: str, name: str) -> RunningActivity:
    """The running activity that the page showed. Raises Conflict `activity_over` when it has ended: ids come again in
    a new run, so the name must fit as well."""
    for activity in (await _under_way(parts, number)).activities:
        if (activity.activity_id, activity.name) == (activity_id, name):
            return activity
    raise Conflict("activity_over", "this step is not running any more; load the page again")


def _wish(fields: dict[str, str]) -> tuple[ActivityAction, int | None, str]:
    """Action, its seconds, reason. Raises Problem `unknown_action`, `invalid_timeout`, `reason_missing`."""
    try:
        action = ActivityAction(fields.get("action", ""))
    except ValueError:
        raise Problem("unknown_action", f"possible are {', '.join(ActivityAction)}") from None
    reason = fields.get("reason", "").strip()
    if not reason:
        raise Problem("reason_missing", "say why: the reason is kept with the act")
    timeout_s = _seconds(fields.get("timeout_s", "")) if action is ActivityAction.SET_TIMEOUT else None
    return action, timeout_s, reason[:MAX_REASON_CHARS]


def _seconds(typed: str) -> int:
    """Raises Problem `invalid_timeout`."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4 and 1 <= int(typed) <= MAX_TIMEOUT_S):
        raise Problem("invalid_timeout", f"a time-out is a whole number of seconds from 1 to {MAX_TIMEOUT_S}")
    return int(typed)


def _acts(activity: RunningActivity) -> list[ActivityAction]:
    """What makes sense now: a paused one goes on, an attempt that runs is not begun again."""
    if activity.paused:
        return [ActivityAction.UNPAUSE, ActivityAction.SET_TIMEOUT]
    waiting = [] if activity.running else [ActivityAction.RETRY_NOW]
    return [*waiting, ActivityAction.PAUSE, ActivityAction.SET_TIMEOUT]
