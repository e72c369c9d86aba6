"""Reading orders: one, its timeline, lists."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import pagination
from api.authorization import visible_order
from api.dependencies import (
    Caller,
    json_response,
    services_of,
)
from api.http.openapi import ETAG, Answer, operation
from api.presenters.orders import listed, presented
from api.routes.orders.filters import Filters
from api.schemas.orders.detail import Order, OrderTimeline
from api.schemas.orders.listing import OrderPage
from api.services.collaboration import order_labels
from api.services.orders import order_queries
from api.services.orders.order_queries import Sort

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("/{order_no}", **operation("get_order", Answer(200, Order, headers=[ETAG])))
async def get_order(order_no: str, request: Request, caller: Caller) -> Response:
    """The whole order; the ETag changes with every event."""
    services = services_of(request)
    order = await order_queries.detail(services, caller, order_no)
    etag = f'"{order["event_seq"]}"'
    labels = await order_labels.shown(services, caller, [order["order_no"]])
    view = presented(order, caller, services.settings) | labels.get(order["order_no"], {})
    return json_response(view, headers={"ETag": etag})


@router.get("/{order_no}/events", **operation("list_order_events", Answer(200, OrderTimeline)))
async def get_events(
    order_no: str,
    request: Request,
    caller: Caller,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> Response:
    """What happened to the order, oldest first; `seq` has no gaps."""
    services = services_of(request)
    overview = await visible_order(services, caller, order_no)
    items, following = await order_queries.events(services, overview.order_no, pagination.number(cursor), limit)
    return json_response({"items": items, "next_cursor": following})


@router.get("", **operation("list_orders", Answer(200, OrderPage)))
async def list_orders(
    request: Request,
    caller: Caller,
    filters: Filters,
    sort: Sort = "-created_at",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of orders, newest first; `hold=any` finds whatever is held. Customers see their own orders, a channel
    those it sent; neither learns by a search what others know of a customer. `tag` and `assignee` are for staff."""
    services = services_of(request)
    rows, following = await order_queries.page(services, caller, filters, sort, limit, cursor)
    labels = await order_labels.shown(services, caller, [row["order_no"] for row in rows])
    items = [listed(row, caller) | labels.get(row["order_no"], {}) for row in rows]
    return json_response({"items": items, "next_cursor": following})
