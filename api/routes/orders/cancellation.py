"""Cancelling an order, or asking what that would mean."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.orders import CancelledOrder, CancelOrder, CancelPreview
from api.services.orders import order_cancellation
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.post(
    "/{order_no}/cancel",
    **operation("cancel_order", Answer(200, CancelledOrder | CancelPreview), body=CancelOrder),
)
async def cancel_order(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Cancel the order: release its stock, void or return the money, recall the parcel. `preview=true` changes
    nothing and answers what would be given back."""
    services = services_of(request)
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    key = idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, CancelOrder)
    if preview:
        consequence = await order_cancellation.consequence(services, overview)
        return json_response({"order_no": overview.order_no, "consequence": consequence})
    reply = await order_cancellation.cancel(services, caller, key, overview, parsed.digest, parsed.model.reason)
    return response_of(reply)
