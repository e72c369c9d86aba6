"""Returns: requested, decided, sent, received, inspected."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, require_staff, services_of
from api.http.openapi import CONTENT_DISPOSITION, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters.return_labels import MEDIA_TYPES, OTHER_TYPE, label_response
from api.schemas.after_sales.return_previews import ReturnPreview
from api.schemas.after_sales.return_views import Return, ReturnPage
from api.schemas.after_sales.returns import AskReturn, FoundPieces, InspectedPieces, RejectReturn, SentReturn
from api.services.after_sales import return_lookup, return_operations, return_requesting
from api.services.after_sales.keyed_request import KeyedRequest, digest_of
from api.services.after_sales.return_lookup import HANDLED_BY, REQUESTED_BY
from domain.after_sales.returns import ReturnStatus
from domain.orders.order_no import normalise

router = APIRouter(tags=["returns"])

_RETURN = Answer(200, Return)
_PREVIEW = Answer(200, ReturnPreview, means="With `preview=true`: what it would bring")
_LABEL = Answer(
    200, media=(*MEDIA_TYPES.values(), OTHER_TYPE), headers=(CONTENT_DISPOSITION,), means="The label as a file"
)


@router.post(
    "/v1/orders/{order_no}/returns", **operation("request_return", Answer(201, Return), _PREVIEW, body=AskReturn)
)
async def request_return(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Request to send pieces back. `preview=true` changes nothing and shows what comes back, what is kept and why, and
    until when to act."""
    require(caller, *REQUESTED_BY)
    services, key = services_of(request), idempotency_key(request)
    number = (await visible_order(services, caller, order_no)).order_no
    parsed = await read(request, AskReturn)
    if preview:
        means = await return_requesting.preview(services, caller, number, parsed.model)
        return json_response(ReturnPreview(order_no=number, consequence=means).model_dump(by_alias=True))
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await return_requesting.request_return(services, keyed, number, parsed.model))


@router.get("/v1/returns/{return_id}", **operation("get_return", _RETURN))
async def get_return(return_id: str, request: Request, caller: Caller) -> Response:
    """One return: its pieces and what was found of them, what comes next and when, its refund."""
    return json_response(await return_lookup.visible(services_of(request), caller, return_id))


@router.get("/v1/returns", **operation("list_returns", Answer(200, ReturnPage)))
async def list_returns(
    request: Request,
    caller: Caller,
    status: ReturnStatus | None = None,
    order_no: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Returns, the newest first."""
    require_staff(caller)
    number = (normalise(order_no) or "") if order_no else None
    found = await return_lookup.list_returns(services_of(request), caller, status, number, cursor, limit)
    return json_response({"items": found.items, "next_cursor": found.next_cursor})


@router.get("/v1/returns/{return_id}/label", **operation("get_return_label", _LABEL))
async def label(return_id: str, request: Request, caller: Caller) -> Response:
    """The label for the parcel, as a file; 404 `label_not_found` until it is booked."""
    services = services_of(request)
    await return_lookup.visible(services, caller, return_id)
    return label_response(await return_lookup.label(services, return_id))


@router.post("/v1/returns/{return_id}/approve", **operation("approve_return", _RETURN, with_key=True))
async def approve(return_id: str, request: Request, caller: Caller) -> Response:
    """Let the customer send it. One that is approved already stays so."""
    require(caller, *HANDLED_BY)
    services, keyed = services_of(request), _without_body(request, caller)
    known = await return_lookup.visible(services, caller, return_id)
    return response_of(await return_operations.approve(services, keyed, known["return_id"]))


@router.post("/v1/returns/{return_id}/cancel", **operation("cancel_return", _RETURN, with_key=True))
async def cancel(return_id: str, request: Request, caller: Caller) -> Response:
    """Keep the goods, as long as they have not arrived."""
    require(caller, *REQUESTED_BY)
    services, keyed = services_of(request), _without_body(request, caller)
    known = await return_lookup.visible(services, caller, return_id)
    return response_of(await return_operations.cancel(services, keyed, known["return_id"]))


@router.post("/v1/returns/{return_id}/reject", **operation("reject_return", _RETURN, body=RejectReturn))
async def reject(return_id: str, request: Request, caller: Caller) -> Response:
    """Reject the request, and why."""
    require(caller, *HANDLED_BY)
    services, key = services_of(request), idempotency_key(request)
    await return_lookup.visible(services, caller, return_id)
    parsed = await read(request, RejectReturn)
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await return_operations.reject(services, keyed, return_id, parsed.model.reason))


@router.post("/v1/returns/{return_id}/tracking", **operation("add_return_tracking", _RETURN, body=SentReturn))
async def sent(return_id: str, request: Request, caller: Caller) -> Response:
    """The customer sent it by a carrier of their own."""
    require(caller, *REQUESTED_BY)
    services, key = services_of(request), idempotency_key(request)
    await return_lookup.visible(services, caller, return_id)
    parsed = await read(request, SentReturn)
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await return_operations.sent(services, keyed, return_id, parsed.model))


@router.post("/v1/returns/{return_id}/receive", **operation("receive_return", _RETURN, body=FoundPieces))
async def receive(return_id: str, request: Request, caller: Caller) -> Response:
    """It is in the warehouse; what is not named did not arrive."""
    require(caller, *HANDLED_BY)
    services, key = services_of(request), idempotency_key(request)
    await return_lookup.visible(services, caller, return_id)
    parsed = await read(request, FoundPieces)
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await return_operations.receive(services, keyed, return_id, parsed.model))


@router.post("/v1/returns/{return_id}/inspect", **operation("inspect_return", _RETURN, body=InspectedPieces))
async def inspect(return_id: str, request: Request, caller: Caller) -> Response:
    """What was found: as new goes on sale, damaged into quarantine, and the customer gets what they are due."""
    require(caller, *HANDLED_BY)
    services, key = services_of(request), idempotency_key(request)
    await return_lookup.visible(services, caller, return_id)
    parsed = await read(request, InspectedPieces)
    keyed = KeyedRequest(caller, key, parsed.digest)
    return response_of(await return_operations.inspect(services, keyed, return_id, parsed.model))


def _without_body(request: Request, caller: Caller) -> KeyedRequest:
    """A call without a body; its address is what a repeat must have."""
    return KeyedRequest(caller, idempotency_key(request), digest_of(f"{request.method} {request.url.path}"))
