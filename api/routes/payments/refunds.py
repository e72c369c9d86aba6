"""Refunds: open, preview, follow."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters import refunds
from api.schemas.payments.refunds import OpenedRefund, OpenRefund, Refund, RefundList, RefundPreview
from api.services.payments import refunding

router = APIRouter(tags=["refunds"])

_PREVIEW = Answer(200, RefundPreview, means="With `preview=true`: what it would give back")


@router.post(
    "/v1/orders/{order_no}/refunds",
    **operation("open_refund", Answer(201, OpenedRefund), _PREVIEW, body=OpenRefund),
)
async def open_refund(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Give money back: an amount, or units of lines at their worth. `preview=true` changes nothing and shows what would
    be given back."""
    require(caller, *refunding.REFUNDED_BY)
    services, key = services_of(request), idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, OpenRefund)
    if preview:
        means = await refunding.consequence(services, caller, number, parsed.model)
        return json_response(RefundPreview(order_no=number, consequence=means).model_dump())
    return response_of(await refunding.refund(services, caller, key, parsed.digest, number, parsed.model))


@router.get("/v1/orders/{order_no}/refunds", **operation("list_refunds", Answer(200, RefundList)))
async def of_order(order_no: str, request: Request, caller: Caller) -> Response:
    """The order's refunds, oldest first."""
    services = services_of(request)
    number = (await visible_order(services, caller, order_no)).order_no
    found = await refunding.list_refunds(services, number)
    return json_response({"items": [refunds.presented(one, caller) for one in found], "next_cursor": None})


@router.get("/v1/refunds/{refund_id}", **operation("get_refund", Answer(200, Refund)))
async def one(refund_id: str, request: Request, caller: Caller) -> Response:
    """One refund, how far it has come."""
    found = await refunding.get_refund(services_of(request), caller, refund_id)
    return json_response(refunds.presented(found, caller))
