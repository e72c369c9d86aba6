"""Parcels that were lost or refused: sent again or paid back by the customer's choice; and what comes back of them."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.after_sales.delivery_exceptions import AnswerProblem, CameBack, InQuarantine, ProblemAnswered
from api.schemas.fields import Reference
from api.services.after_sales import exception_handling
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Role

router = APIRouter(tags=["parcels"])


@router.post(
    "/v1/orders/{order_no}/delivery-problem",
    **operation("resolve_delivery_problem", Answer(200, ProblemAnswered), body=AnswerProblem),
)
async def answer(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Decide what becomes of a lost or refused parcel; `preview=true` changes nothing and shows what the choice would
    mean. 409 `no_delivery_problem`, `stock_short`."""
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, AnswerProblem)
    if preview:
        means = await exception_handling.preview(services, caller, number, parsed.model.choice)
        return json_response(means.model_dump())
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await exception_handling.choose(services, keyed, number, parsed.model))


@router.post(
    "/v1/shipments/{shipment_id}/came-back",
    **operation("receive_returned_parcel", Answer(200, InQuarantine), body=CameBack),
)
async def receive_undeliverable(
    shipment_id: Annotated[Reference, Path()], request: Request, caller: Caller
) -> Response:
    """A parcel that was refused, or lost and found, is at the warehouse again: what is in it goes into quarantine."""
    require(caller, Role.WAREHOUSE)
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, CameBack)
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await exception_handling.receive(services, keyed, shipment_id, parsed.model))
