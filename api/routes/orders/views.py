"""Saved views of the table of orders."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.views import SavedView, SavedViewList, SaveView
from api.services.orders import saved_views

router = APIRouter(prefix="/v1/order-views", tags=["orders"])


@router.get("", **operation("list_order_views", Answer(200, SavedViewList)))
async def list_views(request: Request, caller: Caller) -> Response:
    """Your own views, then the shared ones of others."""
    require_staff(caller)
    return json_response({"items": await saved_views.seen_by(services_of(request), caller)})


@router.post("", **operation("save_order_view", Answer(201, SavedView), body=SaveView))
async def save(request: Request, caller: Caller) -> Response:
    """Save filters and order under a name: at most fifty views, each name once."""
    require_staff(caller)
    services, key = services_of(request), idempotency_key(request)
    parsed = await read(request, SaveView)
    return response_of(await saved_views.save(services, caller, key, parsed.digest, parsed.model))


@router.delete("/{view_id}", **operation("remove_order_view", Answer(204)))
async def remove(view_id: str, request: Request, caller: Caller) -> Response:
    """Delete a view of your own; an admin deletes shared views of others, too."""
    require_staff(caller)
    await saved_views.remove(services_of(request), caller, view_id)
    return Response(status_code=204)
