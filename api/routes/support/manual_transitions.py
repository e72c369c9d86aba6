"""Support: moving an order manually along its lifecycle."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.approvals import OpenedApproval
from api.schemas.support.manual_transitions import Adjust, AdjustedOrder
from api.services.support import order_transitions
from domain.access import Role

router = APIRouter(prefix="/v1/support/orders", tags=["support"])


@router.post(
    "/{order_no}/adjust",
    **operation(
        "adjust_order",
        Answer(200, AdjustedOrder),
        Answer(202, OpenedApproval, means="Money moves: it waits for an approver"),
        body=Adjust,
    ),
)
async def adjust(order_no: str, request: Request, caller: Caller) -> Response:
    """Move the order manually along the transition table; 202 with an approval where money moves."""
    require(caller, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, Adjust)
    return response_of(
        await order_transitions.adjust(services, caller, key, parsed.digest, overview.order_no, parsed.model)
    )
