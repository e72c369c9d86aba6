"""Reading orders: one, its timeline, lists."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import pagination
from api.authorization import visible_order
from api.dependencies import (
    Caller,
    json_response,
    services_of,
)
from api.http import query_times
from api.http.openapi import ETAG, Answer, operation
from api.presenters.orders import listed, presented
from api.schemas.collaboration.labels import StaffName, Tag
from api.schemas.fields import Code, Identity, Reference
from api.schemas.orders.detail import Order, OrderTimeline
from api.schemas.orders.listing import OrderPage
from api.services.collaboration import order_labels
from api.services.orders import order_queries
from api.services.orders.order_queries import OrderFilters, Sort
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority
from domain.orders.status import Status

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


_DAY_OR_TIME = "A day (UTC), or an RFC 3339 time with its offset."
From = Annotated[str, Query(max_length=query_times.MAX_CHARS, description=f"{_DAY_OR_TIME} Orders from then on.")]
To = Annotated[
    str, Query(max_length=query_times.MAX_CHARS, description=f"{_DAY_OR_TIME} A day is included, a time is not.")
]
Sought = Annotated[
    Reference,
    Query(
        description="An order number or its beginning (at least 4 symbols); the e-mail address, telephone number or"
        " name (whole words, in any order) of the customer or the receiver; a SKU or a part of a product's name in any"
        " case; an external_ref, a tracking number, or the reference of a payment, refund, return or document."
        " `matched` says which of them."
    ),
]


@router.get("", **operation("list_orders", Answer(200, OrderPage)))
async def list_orders(
    request: Request,
    caller: Caller,
    status: Status | None = None,
    channel: Code | None = None,
    customer: Identity | None = None,
    warehouse: Code | None = None,
    hold: HoldKind | Literal["any"] | None = None,
    priority: Priority | None = None,
    tag: Tag | None = None,
    assignee: StaffName | None = None,
    q: Sought | None = None,
    created_from: From | None = None,
    created_to: To | None = None,
    sort: Sort = "-created_at",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of orders, newest first; `hold=any` finds whatever is held. Customers see their own orders, a channel
    those it sent; neither learns by `q` what others know of a customer. `tag` and `assignee` are for staff."""
    services = services_of(request)
    filters = OrderFilters(
        status, channel, customer, warehouse, hold, priority, tag, assignee,
        query_times.begin_of(created_from, "created_from"), query_times.end_of(created_to, "created_to"), q,
    )  # fmt: skip
    rows, following = await order_queries.page(services, caller, filters, sort, limit, cursor)
    labels = await order_labels.shown(services, caller, [row["order_no"] for row in rows])
    items = [listed(row, caller) | labels.get(row["order_no"], {}) for row in rows]
    return json_response({"items": items, "next_cursor": following})
