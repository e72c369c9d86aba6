"""Returns: asked for, answered, sent, received, inspected."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import pagination
from api.authorization import visible
from api.dependencies import Caller, Services, idempotency_key, json_response, require, require_staff, services
from api.openapi import body_of, described, keyed, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.after_sales.returns import AskReturn, FoundPieces, RejectReturn, ReturnShown, SentReturn
from api.services.after_sales import return_operations
from api.services.after_sales.return_operations import ASKED_BY, HANDLED_BY, Asked
from domain.access import Principal
from domain.after_sales.returns import ReturnStatus
from domain.orders.order_no import normalise
from infra.db.after_sales import return_queries
from infra.db.after_sales.return_queries import ReturnsWanted

router = APIRouter(tags=["returns"])

_TYPES = {"PDF": "application/pdf", "ZPL": "application/zpl"}


@router.post(
    "/v1/orders/{order_no}/returns",
    status_code=201,
    response_model=ReturnShown,
    openapi_extra=body_of(AskReturn),
    responses=problems(200),
)
async def ask(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Ask to send pieces back. `preview=true` only tells what comes back, what is kept and why, and until when."""
    require(caller, *ASKED_BY)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, AskReturn)
    if preview:
        return json_response(await return_operations.preview(parts, caller, glance.order_no, parsed.model))
    return response_of(
        await return_operations.ask(parts, Asked(caller, key, parsed.digest), glance.order_no, parsed.model)
    )


@router.get("/v1/returns/{return_id}", response_model=ReturnShown, responses=problems())
async def get_return(return_id: str, request: Request, caller: Caller) -> Response:
    """One return: its pieces and what was found of them, what comes next and when, its refund."""
    return json_response(await return_operations.visible(services(request), caller, return_id))


@router.get("/v1/returns", responses=problems())
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
    wanted = ReturnsWanted(status.value if status else None, number, before(cursor), limit)
    async with services(request).database.begin() as conn:
        rows = await return_queries.page(conn, wanted)
    return json_response({"items": items(rows, limit, caller), "next_cursor": following(rows, limit)})


@router.get(
    "/v1/returns/{return_id}/label",
    response_class=Response,
    responses=problems() | {"200": described("The label", *_TYPES.values(), "application/octet-stream")},
)
async def label(return_id: str, request: Request, caller: Caller) -> Response:
    """The label for the parcel, as a document; 404 `label_not_found` until it is booked."""
    parts = services(request)
    await return_operations.visible(parts, caller, return_id)
    return await label_document(parts, return_id)


@router.post("/v1/returns/{return_id}/approve", response_model=ReturnShown, openapi_extra=keyed(), responses=problems())
async def approve(return_id: str, request: Request, caller: Caller) -> Response:
    """Let the customer send it. One that is approved already stays so."""
    require(caller, *HANDLED_BY)
    parts, key = services(request), idempotency_key(request)
    known = await return_operations.visible(parts, caller, return_id)
    return response_of(await return_operations.approve(parts, Asked(caller, key, _digest(request)), known["return_id"]))


@router.post("/v1/returns/{return_id}/cancel", response_model=ReturnShown, openapi_extra=keyed(), responses=problems())
async def cancel(return_id: str, request: Request, caller: Caller) -> Response:
    """Keep it after all, as long as it has not arrived."""
    require(caller, *ASKED_BY)
    parts, key = services(request), idempotency_key(request)
    known = await return_operations.visible(parts, caller, return_id)
    return response_of(await return_operations.cancel(parts, Asked(caller, key, _digest(request)), known["return_id"]))


@router.post(
    "/v1/returns/{return_id}/reject",
    response_model=ReturnShown,
    openapi_extra=body_of(RejectReturn),
    responses=problems(),
)
async def reject(return_id: str, request: Request, caller: Caller) -> Response:
    """Say no, and why."""
    require(caller, *HANDLED_BY)
    parts, key = services(request), idempotency_key(request)
    await return_operations.visible(parts, caller, return_id)
    parsed = await read(request, RejectReturn)
    return response_of(
        await return_operations.reject(parts, Asked(caller, key, parsed.digest), return_id, parsed.model.reason)
    )


@router.post(
    "/v1/returns/{return_id}/tracking",
    response_model=ReturnShown,
    openapi_extra=body_of(SentReturn),
    responses=problems(),
)
async def sent(return_id: str, request: Request, caller: Caller) -> Response:
    """It was sent by a carrier of the customer's own."""
    require(caller, *ASKED_BY)
    parts, key = services(request), idempotency_key(request)
    await return_operations.visible(parts, caller, return_id)
    parsed = await read(request, SentReturn)
    return response_of(await return_operations.sent(parts, Asked(caller, key, parsed.digest), return_id, parsed.model))


@router.post(
    "/v1/returns/{return_id}/receive",
    response_model=ReturnShown,
    openapi_extra=body_of(FoundPieces),
    responses=problems(),
)
async def receive(return_id: str, request: Request, caller: Caller) -> Response:
    """It is in the warehouse; what nobody names did not arrive."""
    require(caller, *HANDLED_BY)
    parts, key = services(request), idempotency_key(request)
    await return_operations.visible(parts, caller, return_id)
    parsed = await read(request, FoundPieces)
    return response_of(
        await return_operations.receive(parts, Asked(caller, key, parsed.digest), return_id, parsed.model)
    )


@router.post(
    "/v1/returns/{return_id}/inspect",
    response_model=ReturnShown,
    openapi_extra=body_of(FoundPieces),
    responses=problems(),
)
async def inspect(return_id: str, request: Request, caller: Caller) -> Response:
    """What it is: as new goes on sale, damaged into quarantine, and the customer gets what is his."""
    require(caller, *HANDLED_BY)
    parts, key = services(request), idempotency_key(request)
    await return_operations.visible(parts, caller, return_id)
    parsed = await read(request, FoundPieces)
    return response_of(
        await return_operations.inspect(parts, Asked(caller, key, parsed.digest), return_id, parsed.model)
    )


async def label_document(parts: Services, return_id: str) -> Response:
    """The label as a file."""
    async with parts.database.begin() as conn:
        kind, content = await return_queries.label_of(conn, parts.keys, return_id)
    headers = {
        "Content-Disposition": f'inline; filename="{return_id}.{kind.lower()}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, _TYPES.get(kind, "application/octet-stream"))


def items(rows: list[dict[str, Any]], limit: int, caller: Principal) -> list[dict[str, Any]]:
    """The rows of one page, each with what this caller may do."""
    shown = [{name: value for name, value in row.items() if name != "created"} for row in rows[:limit]]
    return [one | {"allowed_actions": return_operations.actions(caller, one["status"])} for one in shown]


def before(cursor: str | None) -> tuple[datetime, str] | None:
    """The last return of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    moment, return_id = pagination.decoded(cursor, str, str)
    return pagination.moment(moment), return_id


def following(rows: list[dict[str, Any]], limit: int) -> str | None:
    """The cursor of the next page, if there is one."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last["created"].isoformat(), last["return_id"]])


def _digest(request: Request) -> bytes:
    """Of a call without a body: its address."""
    return return_operations.digest_of(f"{request.method} {request.url.path}")
