"""Placing an order: the front door's busiest call."""

import re

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, require, services_of
from api.http.openapi import LOCATION, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.orders import PlacedOrder, PlaceOrder
from api.services.orders import order_placement
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["orders"])

MAX_WAIT_S = 30.0
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)
_PREFER = {
    "name": "Prefer",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": f"`wait=S`: answer when stock is reserved or refused, or after S seconds, at most {MAX_WAIT_S:.0f}.",
}


@router.post(
    "",
    **operation("place_order", Answer(201, PlacedOrder, headers=[LOCATION]), body=PlaceOrder, parameters=[_PREFER]),
)
async def place_order(request: Request, caller: Caller) -> Response:
    """Keep an order and answer at once; `Prefer: wait=S` waits until its stock is reserved or refused.

    503 `backlog_full` with `Retry-After` while too many accepted orders wait to be started. Accepted orders stay
    accepted, and a key that was answered gets its answer.
    """
    services = services_of(request)
    require(caller, Role.CUSTOMER, Role.SUPPORT, Role.CHANNEL)
    key = idempotency_key(request)
    parsed = await read(request, PlaceOrder)
    reply = await order_placement.place_order(
        services, caller, key, parsed.digest, parsed.model, _preferred_wait_s(request)
    )
    response = response_of(reply)
    if not reply.replayed:
        response.headers["Location"] = f"/v1/orders/{reply.content['order_no']}"
    return response


def _preferred_wait_s(request: Request) -> float:
    match = _WAIT.search(request.headers.get("prefer", ""))
    return min(float(match[1]), MAX_WAIT_S) if match else 0.0
