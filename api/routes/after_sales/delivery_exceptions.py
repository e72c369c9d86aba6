"""Parcels that were lost or refused: sent again or paid back by the customer's choice; and what comes back of them."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.authorization import visible
from api.dependencies import Caller, actor, idempotency_key, json_response, require, services
from api.idempotency import in_books
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.after_sales.delivery_exceptions import AnswerProblem, CameBack, InQuarantine, ProblemAnswered
from api.schemas.fields import Reference
from api.services.after_sales import exception_handling
from api.services.after_sales.return_operations import Asked
from domain.access import Role
from infra.db import idempotency
from infra.db.after_sales import delivery_exceptions
from infra.db.orders import timeline

router = APIRouter(tags=["parcels"])


@router.post(
    "/v1/orders/{order_no}/delivery-problem",
    response_model=ProblemAnswered,
    openapi_extra=body_of(AnswerProblem),
    responses=problems(),
)
async def answer(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Say what is to become of a lost or refused parcel; `preview=true` only tells what the choice would mean. 409
    `no_delivery_problem`, `stock_short`."""
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, AnswerProblem)
    if preview:
        return json_response(await exception_handling.preview(parts, caller, glance.order_no, parsed.model.choice))
    return response_of(
        await exception_handling.choose(parts, Asked(caller, key, parsed.digest), glance.order_no, parsed.model)
    )


@router.post(
    "/v1/shipments/{shipment_id}/came-back",
    response_model=InQuarantine,
    openapi_extra=body_of(CameBack),
    responses=problems(),
)
async def came_back(shipment_id: Annotated[Reference, Path()], request: Request, caller: Caller) -> Response:
    """A parcel that was refused, or lost and found, is at the warehouse again: what is in it goes into quarantine."""
    require(caller, Role.WAREHOUSE)
    parts, key = services(request), idempotency_key(request)
    parsed = await read(request, CameBack)
    lines = parsed.model.lines

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await timeline.lock_order(conn, await delivery_exceptions.order_of(conn, shipment_id))
        arrived: dict[str, int] = {}
        for line in lines or ():
            arrived[line.sku] = arrived.get(line.sku, 0) + line.quantity
        return await delivery_exceptions.came_back(conn, shipment_id, arrived if lines else None, actor(caller))

    return response_of(
        await in_books(parts, idempotency.Request(actor(caller), key, parsed.digest, caller.origin), 200, work)
    )
