"""Reading orders: one, its timeline, lists."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api import pagination, query_times
from api.authorization import visible_order
from api.dependencies import (
    Caller,
    Services,
    json_response,
    order_number,
    services_of,
)
from api.errors import Problem
from api.openapi import ETAG, Answer, operation
from api.presenters.orders import presented, row_presented
from api.schemas.fields import Code, Identity, Reference
from api.schemas.orders.detail import Order, OrderTimeline
from api.schemas.orders.listing import OrderPage
from domain.access import Principal, Role
from domain.errors import NotFound
from domain.orders.holds import HoldKind
from domain.orders.priority import RANKS, Priority
from domain.orders.status import Status
from infra.db.engine import Connection
from infra.db.orders import listing, order_search
from infra.db.orders.list_sources import Branch
from infra.db.read_models import order_detail
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/v1/orders", tags=["orders"])


@router.get("/{order_no}", **operation("get_order", Answer(200, Order, headers=[ETAG])))
async def get_order(order_no: str, request: Request, caller: Caller) -> Response:
    """The whole order; the ETag changes with every event."""
    services, number = services_of(request), order_number(order_no)
    bind_order(number)
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, number)
    if order is None or not caller.may_see_order(order["customer_id"], order["channel"]):
        raise NotFound("order_not_found")
    etag = f'"{order["event_seq"]}"'
    return json_response(presented(order, caller, services.settings), headers={"ETag": etag})


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
    glance = await visible_order(services, caller, order_no)
    after = pagination.number(cursor)
    async with services.database.begin() as conn:
        events = await order_detail.timeline(conn, glance.order_no, after, limit + 1)
    more = len(events) > limit
    items = events[:limit]
    return json_response({"items": items, "next_cursor": pagination.encoded([items[-1]["seq"]]) if more else None})


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
    q: Sought | None = None,
    created_from: From | None = None,
    created_to: To | None = None,
    sort: listing.Sort = "-created_at",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """A page of orders, newest first; `hold=any` finds whatever is held. Customers see their own orders, a channel
    those it sent; neither learns by `q` what others know of a customer."""
    services = services_of(request)
    if caller.role is Role.CUSTOMER:
        customer = _own(customer, caller.subject)
    elif caller.role is Role.CHANNEL:
        channel = _own(channel, caller.subject)
    after = pagination.position(cursor, sort)
    begin, end = query_times.begin_of(created_from, "created_from"), query_times.end_of(created_to, "created_to")
    async with services.database.begin() as conn:
        among = await _meanings(conn, services, q, caller) if q is not None else None
        wanted = listing.Wanted(
            status=status.value if status else None,
            channel=channel,
            customer_id=customer,
            warehouse=warehouse,
            hold=str(hold) if hold else None,
            priority=RANKS[priority] if priority else None,
            created_from=begin,
            created_to=end,
            sort=sort,
            limit=limit,
            after=after,
            among=among,
        )
        rows = await listing.page(conn, wanted)
    last = rows[limit - 1] if len(rows) > limit else None
    items = [row_presented(row) for row in rows[:limit]]
    return json_response({"items": items, "next_cursor": pagination.after(last, sort) if last else None})


def _own(asked: str | None, subject: str) -> str:
    """A caller's own orders only. Raises Problem `forbidden` when he asks for another's."""
    if asked not in (None, subject):
        raise Problem("forbidden", "only your own orders are listed to you")
    return subject


async def _meanings(conn: Connection, services: Services, q: str, caller: Principal) -> list[Branch]:
    text, providers = q.strip(), list(services.payments)
    return (
        await order_search.meanings(conn, services.keys.vault, text, providers, everybody=caller.is_staff)
        if text
        else []
    )
