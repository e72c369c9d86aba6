"""Support: what an order's workflow does at this moment, acts on its activities, and its reset."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api.authorization import visible
from api.dependencies import Caller, Services, actor, idempotency_key, json_response, require, services
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.support.parked_steps import ActivityAct, Reset
from api.services.support import workflow_operations
from domain.access import Principal, Role
from infra.db import idempotency
from infra.db.read_models.order_detail import Glance
from infra.temporal.running_activities import RunningActivity

router = APIRouter(prefix="/v1/support/orders", tags=["support"])

ActivityId = Annotated[str, Path(max_length=100)]


@router.get("/{order_no}/running", responses=problems())
async def running(order_no: str, request: Request, caller: Caller) -> Response:
    """The activities under way with attempt, last error and next try, and a bug that holds all up."""
    parts = services(request)
    order = await _known(parts, caller, order_no)
    found = await workflow_operations.under_way(parts, order.order_no)
    bug = found.failing
    answer = {
        "order_no": order.order_no,
        "open": found.open,
        "ended": found.ended or None,
        "activities": [_activity(activity) for activity in found.activities],
        "bug": {"attempt": bug.attempt, "build_id": bug.build_id, "error": bug.error} if bug else None,
        "resettable": workflow_operations.resettable(found, order.status),
    }
    return json_response(answer)


@router.post("/{order_no}/running/{activity_id}", openapi_extra=body_of(ActivityAct), responses=problems())
async def act(order_no: str, activity_id: ActivityId, request: Request, caller: Caller) -> Response:
    """Retry now, pause, unpause, or change the time-out of one activity."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    order = await _known(parts, caller, order_no)
    parsed = await read(request, ActivityAct)
    asked = idempotency.Request(actor(caller), key, parsed.digest, caller.origin)
    return response_of(
        await workflow_operations.act_on_activity(parts, caller, asked, order.order_no, activity_id, parsed.model)
    )


@router.post("/{order_no}/reset", openapi_extra=body_of(Reset), responses=problems())
async def reset(order_no: str, request: Request, caller: Caller) -> Response:
    """Begin the order's workflow again before its last good task, after a bug held it up or ended it."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    order = await _known(parts, caller, order_no)
    parsed = await read(request, Reset)
    asked = idempotency.Request(actor(caller), key, parsed.digest, caller.origin)
    return response_of(await workflow_operations.reset_order(parts, caller, asked, order, parsed.model))


async def _known(parts: Services, caller: Principal, order_no: str) -> Glance:
    require(caller, Role.SUPPORT)
    return await visible(parts, caller, order_no)


def _activity(activity: RunningActivity) -> dict[str, Any]:
    return {
        "activity_id": activity.activity_id,
        "activity": activity.name,
        "attempt": activity.attempt,
        "max_attempts": activity.max_attempts or None,
        "running": activity.running,
        "paused": activity.paused,
        "error": activity.error or None,
        "timeout_s": activity.timeout_s,
        "next_try_at": activity.next_try_at,
        "actions": [action.value for action in workflow_operations.possible(activity)],
    }
