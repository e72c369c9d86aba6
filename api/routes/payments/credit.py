"""Credit of customers, and what they owe for orders on payment terms."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters.fields import shown_as
from api.schemas.fields import Identity
from api.schemas.payments.credit import (
    CustomerCredit,
    CustomerCredits,
    Receivable,
    Receivables,
    RecordTransfer,
    SetCredit,
    TransferRecorded,
)
from api.services.payments import credit

router = APIRouter(prefix="/v1", tags=["payments"])


@router.put(
    "/customers/{customer_id}/credit",
    **operation("set_customer_credit", Answer(200, CustomerCredit), body=SetCredit, keyed=False),
)
async def set_credit(customer_id: Annotated[Identity, Path()], request: Request, caller: Caller) -> Response:
    """Set how much the customer may owe for orders on payment terms in a currency. New orders stay within it; what is
    used stays. For finance."""
    require(caller, *credit.SET_BY)
    wanted = (await read(request, SetCredit)).model
    found = await credit.put(services_of(request), caller, customer_id, wanted)
    return json_response(shown_as(CustomerCredit, found))


@router.get("/customers/{customer_id}/credit", **operation("get_customer_credit", Answer(200, CustomerCredits)))
async def get_credit(customer_id: Annotated[Identity, Path()], request: Request, caller: Caller) -> Response:
    """The customer's credit by currency: the limit, what is used and what is left. For finance and support."""
    require(caller, *credit.READ_BY)
    found = await credit.of_customer(services_of(request), customer_id)
    return json_response({"items": [shown_as(CustomerCredit, one) for one in found], "next_cursor": None})


@router.get("/receivables", **operation("list_receivables", Answer(200, Receivables)))
async def list_receivables(
    request: Request,
    caller: Caller,
    customer: Annotated[Identity | None, Query()] = None,
    overdue: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Orders on payment terms that are not paid, the earliest due first; with `overdue` those that are past it. For
    finance and support."""
    require(caller, *credit.READ_BY)
    items, following = await credit.owed(services_of(request), customer, cursor, limit, overdue=overdue)
    return json_response({"items": [shown_as(Receivable, one) for one in items], "next_cursor": following})


@router.post(
    "/orders/{order_no}/transfers",
    **operation("record_transfer", Answer(201, TransferRecorded), body=RecordTransfer),
)
async def record_transfer(order_no: str, request: Request, caller: Caller) -> Response:
    """Record that a bank transfer paid what is owed for an order on payment terms, or a part of it. For finance."""
    services = services_of(request)
    require(caller, *credit.RECORDED_BY)
    key = idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, RecordTransfer)
    return response_of(await credit.record_transfer(services, caller, key, parsed.digest, number, parsed.model))
