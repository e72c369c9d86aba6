"""Holds: put on, release, list; and how pressing an order is."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.fields import Reference
from api.schemas.orders.holds import PutOnHold, ReleaseHold, SetPriority
from api.schemas.orders.order_parts import ChangedPriority, NewOrderHold, OpenHolds, ReleasedHold
from api.services.orders import order_holds
from domain.orders.holds import PUT_ON_BY, HoldKind

router = APIRouter(tags=["holds"])

HoldNo = Annotated[int, Path(ge=1, le=1_000_000)]


@router.post("/v1/orders/{order_no}/holds", **operation("put_on_hold", Answer(201, NewOrderHold), body=PutOnHold))
async def place(order_no: str, request: Request, caller: Caller) -> Response:
    """Hold the order: it takes no step forward that the kind stops, until it is released or its deadline decides."""
    require(caller, *PUT_ON_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, PutOnHold)
    return response_of(await order_holds.place(services, caller, key, parsed.digest, overview.order_no, parsed.model))


@router.post(
    "/v1/orders/{order_no}/holds/{hold_no}/release",
    **operation("release_hold", Answer(200, ReleasedHold), body=ReleaseHold),
)
async def release(order_no: str, hold_no: HoldNo, request: Request, caller: Caller) -> Response:
    """Let the order go on; for the hold's owner and for operations."""
    require_staff(caller)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, ReleaseHold)
    return response_of(
        await order_holds.release(services, caller, key, parsed.digest, overview.order_no, hold_no, parsed.model.reason)
    )


@router.post(
    "/v1/orders/{order_no}/priority", **operation("set_priority", Answer(200, ChangedPriority), body=SetPriority)
)
async def prioritise(order_no: str, request: Request, caller: Caller) -> Response:
    """Set the priority of the order: standard, vip or urgent."""
    require(caller, *order_holds.PRIORITISED_BY)
    services, key = services_of(request), idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, SetPriority)
    return response_of(
        await order_holds.prioritise(services, caller, key, parsed.digest, overview.order_no, parsed.model)
    )


@router.get("/v1/support/holds", **operation("list_open_holds", Answer(200, OpenHolds)))
async def open_holds(
    request: Request,
    caller: Caller,
    kind: HoldKind | None = None,
    owner: Reference | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Open holds, the one whose deadline comes first first; `owner` is a role or role:name."""
    require(caller, *PUT_ON_BY)
    items, following = await order_holds.open_holds(services_of(request), kind, owner, cursor, limit)
    return json_response({"items": items, "next_cursor": following})
