"""Freight: bills of carriers, their differences, and what the parcels of an order cost."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from starlette.datastructures import UploadFile

from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.pages.forms import fitting
from api.presenters.fields import shown_as
from api.schemas.freight import (
    BillFields,
    CarrierBill,
    CarrierBills,
    DecideDifference,
    DifferenceOwner,
    FreightDifference,
    FreightDifferences,
    OrderFreight,
    ParcelFreight,
    ShownCarrierBill,
)
from api.services.shipping import carrier_bills, freight
from api.services.shipping.carrier_bills import WORKED_ON_BY, UploadedBill
from api.services.shipping.freight import FreightRequest, Wanted
from domain.errors import RuleBroken
from domain.shipping.freight import DifferenceKind, DifferenceState

router = APIRouter(prefix="/v1", tags=["freight"])
Limit = Annotated[int, Query(ge=1, le=200)]
Number = Annotated[int, Path(ge=1, le=2**62)]
_TEXT = {"type": "string"}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["carrier", "bill_no", "currency", "file"],
                    "properties": {
                        "carrier": _TEXT,
                        "bill_no": _TEXT,
                        "currency": _TEXT,
                        "file": {"type": "string", "format": "binary"},
                    },
                }
            }
        },
    }
}


@router.post(
    "/carrier-bills", **operation("upload_carrier_bill", Answer(202, CarrierBill), with_key=True, more=_UPLOAD)
)
async def upload_carrier_bill(request: Request, caller: Caller) -> Response:
    """Upload a carrier's bill as CSV (UTF-8, UTF-16 or GB18030; at most 2,000,000 rows) with the columns tracking_no
    and amount, and currency where rows differ. Its rows are compared with what was booked, in turn until the last
    one, also after an interruption."""
    require(caller, *WORKED_ON_BY)
    key = idempotency_key(request)
    form = await request.form()
    texts = {name: value for name in BillFields.model_fields if isinstance(value := form.get(name), str)}
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise RuleBroken("import_empty")
    uploaded = UploadedBill(file.filename or "", file.file)
    fields = fitting(BillFields, texts)
    return response_of(await carrier_bills.upload(services_of(request), caller, key, fields, uploaded))


@router.get("/carrier-bills", **operation("list_carrier_bills", Answer(200, CarrierBills)))
async def list_carrier_bills(
    request: Request, caller: Caller, limit: Limit = 50, cursor: str | None = None
) -> Response:
    """Bills, the newest first; for the staff."""
    require_staff(caller)
    items, following = await carrier_bills.page(services_of(request), limit, cursor)
    return json_response({"items": items, "next_cursor": following})


@router.get("/carrier-bills/{bill_id}", **operation("get_carrier_bill", Answer(200, ShownCarrierBill)))
async def get_carrier_bill(bill_id: str, request: Request, caller: Caller) -> Response:
    """A bill with its differences by kind; for the staff."""
    require_staff(caller)
    found = await carrier_bills.one(services_of(request), bill_id)
    sums = {"billed_minor": found.billed_minor, "differences": found.differences}
    return json_response(shown_as(CarrierBill, found.bill) | sums)


@router.get("/freight-differences", **operation("list_freight_differences", Answer(200, FreightDifferences)))
async def list_freight_differences(
    request: Request,
    caller: Caller,
    bill_id: str | None = None,
    kind: DifferenceKind | None = None,
    state: DifferenceState | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Rows of bills that are not what was booked, the oldest first; for the staff."""
    require_staff(caller)
    items, following = await freight.page(services_of(request), Wanted(bill_id, kind, state), limit, cursor)
    return json_response({"items": items, "next_cursor": following})


@router.post(
    "/freight-differences/{difference_id}/owner",
    **operation("assign_freight_difference", Answer(200, FreightDifference), body=DifferenceOwner),
)
async def assign_freight_difference(difference_id: Number, request: Request, caller: Caller) -> Response:
    """Set who settles it."""
    require(caller, *WORKED_ON_BY)
    key, body = idempotency_key(request), await read(request, DifferenceOwner)
    asked = FreightRequest(services_of(request), caller, key, body.digest)
    return response_of(await freight.assign(asked, difference_id, body.model))


@router.post(
    "/freight-differences/{difference_id}/decide",
    **operation("decide_freight_difference", Answer(200, FreightDifference), body=DecideDifference),
)
async def decide_freight_difference(difference_id: Number, request: Request, caller: Caller) -> Response:
    """Accept what was billed, or dispute it with the carrier; a disputed one is accepted after all, or credited."""
    require(caller, *WORKED_ON_BY)
    key, body = idempotency_key(request), await read(request, DecideDifference)
    asked = FreightRequest(services_of(request), caller, key, body.digest)
    return response_of(await freight.decide(asked, difference_id, body.model))


@router.get("/orders/{order_no}/freight", **operation("get_order_freight", Answer(200, OrderFreight)))
async def get_order_freight(order_no: str, request: Request, caller: Caller) -> Response:
    """What each parcel was estimated to cost, what it cost when it was booked, and what the carrier billed; for the
    staff."""
    require_staff(caller)
    parcels = await freight.of_order(services_of(request), caller, order_no)
    return json_response({"items": [shown_as(ParcelFreight, parcel) for parcel in parcels]})
