"""Paying for an order, or paying again after a decline."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.orders import Payment
from api.schemas.payments.payments import PaymentTaken
from api.services.payments import order_payments

router = APIRouter(prefix="/v1/orders", tags=["payments"])


@router.post("/{order_no}/payments", **operation("pay_order", Answer(201, PaymentTaken), body=Payment))
async def pay(order_no: str, request: Request, caller: Caller) -> Response:
    """Pay, or pay again after a decline. 409 while a payment is taken or in flight, without a call of the provider."""
    services = services_of(request)
    require(caller, *order_payments.PAID_BY)
    key = idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, Payment)
    return response_of(await order_payments.pay(services, caller, key, parsed.digest, number, parsed.model))
