"""Support: what an order's workflow does now, actions on its activities, and its reset."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.idempotency import request_of
from api.schemas.support.workflow_operations import ActivityAct, ChangedActivity, Reset, ResetWorkflow, RunningWorkflow
from api.services.support import workflow_operations
from domain.access import Role

router = APIRouter(prefix="/v1/support/orders", tags=["support"])

ActivityId = Annotated[str, Path(max_length=100)]


@router.get("/{order_no}/running", **operation("get_running_workflow", Answer(200, RunningWorkflow)))
async def running(order_no: str, request: Request, caller: Caller) -> Response:
    """The activities under way with attempt, last error and next attempt, and a bug that stops the workflow."""
    services = services_of(request)
    require(caller, Role.SUPPORT)
    order = await visible_order(services, caller, order_no)
    return json_response(await workflow_operations.running(services, order))


@router.post(
    "/{order_no}/running/{activity_id}", **operation("change_activity", Answer(200, ChangedActivity), body=ActivityAct)
)
async def operate_activity(order_no: str, activity_id: ActivityId, request: Request, caller: Caller) -> Response:
    """Retry now, pause, unpause, or change the time-out of one activity."""
    services = services_of(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    order = await visible_order(services, caller, order_no)
    parsed = await read(request, ActivityAct)
    claim = request_of(caller, key, parsed.digest)
    return response_of(
        await workflow_operations.operate_activity(services, caller, claim, order.order_no, activity_id, parsed.model)
    )


@router.post("/{order_no}/reset", **operation("reset_workflow", Answer(200, ResetWorkflow), body=Reset))
async def reset(order_no: str, request: Request, caller: Caller) -> Response:
    """Reset the order's workflow to its last good task, after a bug stopped or ended it."""
    services = services_of(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    order = await visible_order(services, caller, order_no)
    parsed = await read(request, Reset)
    claim = request_of(caller, key, parsed.digest)
    return response_of(await workflow_operations.reset_order(services, caller, claim, order, parsed.model))
