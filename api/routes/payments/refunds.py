"""Refunds: open, preview, follow."""

import re

from fastapi import APIRouter, Request, Response

from api.authorization import visible
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.payments.refunds import OpenedRefund, OpenRefund
from api.services.payments import refunding
from domain.errors import NotFound
from infra.db.payments import refund_queries

router = APIRouter(tags=["refunds"])

_REFUND_ID = re.compile(r"^rf_[0-9a-zA-Z_-]{1,61}$")


@router.post(
    "/v1/orders/{order_no}/refunds", status_code=201, response_model=OpenedRefund, openapi_extra=body_of(OpenRefund),
    responses=problems(200),
)  # fmt: skip
async def open_refund(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Give money back: an amount, or units of lines at their worth. `preview=true` only tells what."""
    require(caller, *refunding.REFUNDED_BY)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, OpenRefund)
    if preview:
        means = await refunding.consequence(parts, caller, glance.order_no, parsed.model)
        return json_response({"order_no": glance.order_no, "consequence": means})
    return response_of(await refunding.refund(parts, caller, key, parsed.digest, glance.order_no, parsed.model))


@router.get("/v1/orders/{order_no}/refunds", responses=problems())
async def of_order(order_no: str, request: Request, caller: Caller) -> Response:
    """The order's refunds, oldest first."""
    parts = services(request)
    glance = await visible(parts, caller, order_no)
    async with parts.database.begin() as conn:
        found = await refund_queries.of_order(conn, parts.keys, glance.order_no)
    return json_response({"items": [refunding.shown(refund, caller) for refund in found], "next_cursor": None})


@router.get("/v1/refunds/{refund_id}", responses=problems())
async def one(refund_id: str, request: Request, caller: Caller) -> Response:
    """One refund, how far it has come."""
    if not _REFUND_ID.match(refund_id):
        raise NotFound("refund_not_found")
    parts = services(request)
    async with parts.database.begin() as conn:
        found = await refund_queries.find(conn, parts.keys, refund_id)
    try:
        await visible(parts, caller, found["order_no"])
    except NotFound:
        raise NotFound("refund_not_found") from None
    return json_response(refunding.shown(found, caller))
