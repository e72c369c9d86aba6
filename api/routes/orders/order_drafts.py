"""Drafts of orders for a customer on the telephone: saved, changed, placed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.order_drafts import (
    ChangeDraft,
    DraftId,
    DraftList,
    DraftOrder,
    DraftSaved,
    OrderDraftView,
    PlacedDraft,
    PlaceDraft,
)
from api.services.orders import order_changes, order_drafting

router = APIRouter(prefix="/v1/order-drafts", tags=["order drafts"])


@router.get("", **operation("list_order_drafts", Answer(200, DraftList)))
async def own(
    request: Request,
    caller: Caller,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: str | None = None,
) -> Response:
    """The caller's drafts that are not placed, the last changed first. Nobody sees another's."""
    require(caller, *order_drafting.PREPARED_BY)
    items, following = await order_drafting.page(services_of(request), caller, cursor, limit)
    return json_response({"items": items, "next_cursor": following})


@router.post("", **operation("create_order_draft", Answer(201, DraftSaved, headers=[ETAG]), body=DraftOrder))
async def create(request: Request, caller: Caller) -> Response:
    """Save what is known of an order. It is kept for OMS_ORDER_DRAFT_S after its last change, encrypted."""
    require(caller, *order_drafting.PREPARED_BY)
    key, parsed = idempotency_key(request), await read(request, DraftOrder, optional=True)
    return response_of(await order_drafting.add(services_of(request), caller, key, parsed.digest, parsed.model))


@router.get("/{draft_id}", **operation("get_order_draft", Answer(200, OrderDraftView, headers=[ETAG])))
async def show(draft_id: DraftId, request: Request, caller: Caller) -> Response:
    """The draft with what it would cost now, the stock of each line, and what is missing or wrong."""
    require(caller, *order_drafting.PREPARED_BY)
    found = await order_drafting.shown(services_of(request), caller, draft_id)
    return json_response(found.as_json(), headers={"ETag": f'"{found.draft.version}"'})


@router.patch(
    "/{draft_id}",
    **operation("change_order_draft", Answer(200, DraftSaved, headers=[ETAG]), body=ChangeDraft, parameters=[IF_MATCH]),
)
async def change(draft_id: DraftId, request: Request, caller: Caller) -> Response:
    """Replace the parts that are named. `If-Match` is the ETag that the draft was read with: 412 where somebody, or
    another window, changed it since."""
    require(caller, *order_drafting.PREPARED_BY)
    key, parsed = idempotency_key(request), await read(request, ChangeDraft)
    versions = order_changes.versions_in(request.headers.get("if-match"))
    return response_of(
        await order_drafting.change(services_of(request), caller, key, parsed.digest, draft_id, versions, parsed.model)
    )


@router.delete("/{draft_id}", **operation("delete_order_draft", Answer(204)))
async def delete(draft_id: DraftId, request: Request, caller: Caller) -> Response:
    """Delete the draft."""
    require(caller, *order_drafting.PREPARED_BY)
    await order_drafting.delete(services_of(request), caller, draft_id)
    return Response(status_code=204)


@router.post("/{draft_id}/place", **operation("place_order_draft", Answer(201, PlacedDraft), body=PlaceDraft))
async def place(draft_id: DraftId, request: Request, caller: Caller) -> Response:
    """Place the order, once: another call gives the same order. It waits for its payment, which the customer makes at
    `payment_url`; the message about the order has a link to it. 409 `stock_short` names the lines and what is
    available."""
    require(caller, *order_drafting.PREPARED_BY)
    idempotency_key(request)
    parsed = await read(request, PlaceDraft, optional=True)
    return response_of(await order_drafting.place(services_of(request), caller, draft_id, parsed.model.total_minor))
