"""Changing an order after it was placed."""

from fastapi import APIRouter, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.orders.changes import ChangedOrder, ChangeOrder
from api.services.orders import order_changes
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.patch(
    "/{order_no}",
    **operation("change_order", Answer(200, ChangedOrder, headers=[ETAG]), body=ChangeOrder, parameters=[IF_MATCH]),
)
async def change_order(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Change address, lines or note; `preview=true` only tells the exact consequence. `If-Match` is the ETag that the
    order was read with."""
    services = services_of(request)
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    key = idempotency_key(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, ChangeOrder)
    versions = order_changes.versions_in(request.headers.get("if-match"))
    claim = order_changes.change_request_of(parsed.model, versions, services.settings.max_order_lines)
    if preview:
        return json_response(await order_changes.preview(services, overview.order_no, claim))
    return response_of(await order_changes.change(services, caller, key, parsed.digest, overview.order_no, claim))
