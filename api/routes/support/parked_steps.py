"""Support: the queue of parked orders, and what resolves their steps."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, order_number, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.approvals import OpenedApproval
from api.schemas.fields import Code, Reference
from api.schemas.support.parked_steps import ParkedOrderList, Resolve, ResolvedStep
from api.services.support import parked_queue, step_resolution
from domain.access import Role
from domain.support.steps import Step
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/v1/support", tags=["support"])


@router.get("/stuck", **operation("list_parked_orders", Answer(200, ParkedOrderList)))
async def list_parked(
    request: Request,
    caller: Caller,
    step: Step | None = None,
    error: Reference | None = None,
    provider: Code | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Parked orders, the longest parked first."""
    require(caller, Role.SUPPORT)
    return json_response(await parked_queue.list_parked(services_of(request), step, error, provider, limit, cursor))


@router.post(
    "/orders/{order_no}/resolve",
    **operation(
        "resolve_step",
        Answer(200, ResolvedStep),
        Answer(202, OpenedApproval, means="It waits for an approver"),
        body=Resolve,
    ),
)
async def resolve(order_no: str, request: Request, caller: Caller) -> Response:
    """Retry, skip, amend or compensate the parked step of an order."""
    services = services_of(request)
    require(caller, Role.SUPPORT)
    key, number = idempotency_key(request), order_number(order_no)
    bind_order(number)
    parsed = await read(request, Resolve)
    return response_of(await step_resolution.resolve_one(services, caller, key, parsed.digest, number, parsed.model))
