"""Changing an order after it was placed."""

from fastapi import APIRouter, Request, Response

from api import change_acts
from api.bodies import read
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.documentation import IF_MATCH, body_of, problems
from api.responses import response_of
from api.schemas.changing import ChangedOrder, ChangeOrder
from api.visibility import visible
from domain.access import Role

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.patch(
    "/{order_no}", response_model=ChangedOrder, openapi_extra=body_of(ChangeOrder, IF_MATCH), responses=problems()
)
async def change_order(order_no: str, request: Request, caller: Caller, preview: bool = False) -> Response:
    """Change address, lines or note; `preview=true` only tells the exact consequence. `If-Match` is the ETag that the
    order was read with."""
    parts = services(request)
    require(caller, Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
    key = idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, ChangeOrder)
    seen = change_acts.seen_in(request.headers.get("if-match"))
    wish = change_acts.wish_of(parsed.model, seen, parts.settings.max_order_lines)
    if preview:
        return json_response(await change_acts.preview(parts, glance.order_no, wish))
    return response_of(await change_acts.change(parts, caller, key, parsed.digest, glance.order_no, wish))
