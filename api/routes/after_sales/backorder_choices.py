"""Goods that an order waits for: the customer waits on or cancels what is missing."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.after_sales.backorder_choices import BackorderChosen, ChooseBackorder
from api.services.after_sales import backorder_choosing
from api.services.after_sales.keyed_request import KeyedRequest
from domain.access import Role

router = APIRouter(tags=["orders"])


@router.post(
    "/v1/orders/{order_no}/backorder",
    **operation("choose_backorder", Answer(200, BackorderChosen), body=ChooseBackorder),
)
async def choose(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Decide what becomes of the goods that the order waits for: wait on, or cancel what is missing, whose money
    goes back; where all of the order waits, it is cancelled. Possible at any time while something waits; when its
    promised date has slipped, `backorder_choice` of the order says until when. `preview=true` changes nothing. 409
    `no_backorder`."""
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    services, key = services_of(request), idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, ChooseBackorder)
    if preview:
        means = await backorder_choosing.preview(services, caller, number, parsed.model.choice)
        return json_response(means.model_dump(mode="json"))
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await backorder_choosing.choose(services, keyed, number, parsed.model))
