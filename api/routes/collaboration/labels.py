"""Tags of an order, and who looks after it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.authorization import visible_order
from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.schemas.collaboration.labels import OrderAssignee, OrderTags, SetAssignee, SetTags, TagList
from api.services.collaboration import order_labels

router = APIRouter(tags=["collaboration"])


@router.put(
    "/v1/orders/{order_no}/tags", **operation("set_order_tags", Answer(200, OrderTags), body=SetTags, keyed=False)
)
async def set_tags(order_no: str, request: Request, caller: Caller) -> Response:
    """Give the order these tags and no others, at most 20. `GET /v1/orders?tag=` finds it by each. For staff alone."""
    require_staff(caller)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, SetTags)
    tags = await order_labels.set_tags(services, caller, overview.order_no, parsed.model.tags)
    return json_response({"order_no": overview.order_no, "tags": tags})


@router.put(
    "/v1/orders/{order_no}/assignee",
    **operation("set_order_assignee", Answer(200, OrderAssignee), body=SetAssignee, keyed=False),
)
async def assign(order_no: str, request: Request, caller: Caller) -> Response:
    """Assign a member of staff to the order; null for nobody. `GET /v1/orders?assignee=` lists them."""
    require_staff(caller)
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    parsed = await read(request, SetAssignee)
    await order_labels.assign(services, caller, overview.order_no, parsed.model.assignee)
    return json_response({"order_no": overview.order_no, "assignee": parsed.model.assignee})


@router.get("/v1/tags", **operation("list_tags", Answer(200, TagList)))
async def tags(
    request: Request,
    caller: Caller,
    prefix: Annotated[str, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Tags that orders have and that begin with `prefix`, sorted."""
    require_staff(caller)
    found = await order_labels.known_tags(services_of(request), prefix, limit)
    return json_response({"items": [{"tag": tag} for tag in found], "next_cursor": None})
