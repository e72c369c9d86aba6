"""Reading orders: one, its timeline, lists. Customers and channels see their own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from api import pagination
from api.dependencies import Services, order_number
from api.errors import Problem
from domain.access import Principal, Role
from domain.collaboration import normalised
from domain.errors import NotFound
from domain.orders.payment_status import PaymentState
from domain.orders.priority import RANKS, Priority
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness, ways_of
from infra.db.engine import Connection
from infra.db.orders.changing import change_history
from infra.db.orders.changing.change_history import PastChange
from infra.db.orders.searching import listing, order_search, row_details
from infra.db.orders.searching.list_sources import Branch
from infra.db.orders.searching.order_row import OrderRow
from infra.db.read_models import order_detail
from infra.db.read_models.order_fields import EventFields, OrderFields
from infra.observability.telemetry import bind_order

Sort = listing.Sort
NEWEST: Sort = "-created_at"


@dataclass(frozen=True, slots=True)
class OrderFilters:
    """Which orders a list has; None takes all."""

    status: Status | None = None
    channel: str | None = None
    customer: str | None = None
    warehouse: str | None = None
    hold: str | None = None
    priority: Priority | None = None
    tag: str | None = None
    assignee: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    search: str | None = None
    customers: tuple[str, ...] | None = None
    payment_status: PaymentState | None = None
    fulfilment_status: FulfilmentState | None = None
    late: Lateness | Literal["any"] | None = None


async def detail(services: Services, caller: Principal, order_no: str) -> OrderFields:
    """The order with all that belongs to it. Raises NotFound `order_not_found`, also for whoever may not see it."""
    number = order_number(order_no)
    bind_order(number)
    async with services.database.begin() as conn:
        order = await order_detail.whole_order(conn, services.keys, number)
    if order is None or not caller.may_see_order(order["customer_id"], order["channel"]):
        raise NotFound("order_not_found")
    return services.failing.marked(order)


async def known(services: Services, order_no: str) -> OrderFields:
    """The order with all that belongs to it; who may see it is decided. Raises NotFound `order_not_found`."""
    async with services.database.begin() as conn:
        return await _read(conn, services, order_no)


async def with_changes(services: Services, order_no: str) -> tuple[OrderFields, list[PastChange]]:
    """The order, and the changes that were made to it."""
    async with services.database.begin() as conn:
        return await _read(conn, services, order_no), await change_history.history(conn, services.keys, order_no)


async def search(services: Services, text: str, limit: int, cursor: str | None) -> tuple[list[OrderRow], str | None]:
    """A page of orders that staff find by `text`, the newest first, and the cursor of the next one. Raises Problem
    `invalid_cursor`."""
    after = pagination.position(cursor, NEWEST)
    async with services.database.begin() as conn:
        among = await order_search.meanings(conn, services.keys.vault, text, list(services.payments), everybody=True)
        rows = await listing.page(conn, listing.OrderListFilter(limit=limit, after=after, among=among))
    return cut([services.failing.marked(row) for row in rows], limit, NEWEST)


async def _read(conn: Connection, services: Services, order_no: str) -> OrderFields:
    order = await order_detail.whole_order(conn, services.keys, order_no)
    if order is None:
        raise NotFound("order_not_found")
    return services.failing.marked(order)


async def events(services: Services, order_no: str, after: int, limit: int) -> tuple[list[EventFields], str | None]:
    """A page of the timeline behind number `after`, and the cursor of the next page."""
    async with services.database.begin() as conn:
        found = await order_detail.timeline(conn, order_no, after, limit + 1)
    items = found[:limit]
    return items, pagination.encoded([items[-1]["seq"]]) if len(found) > limit else None


async def page(
    services: Services, caller: Principal, filters: OrderFilters, sort: Sort, limit: int, cursor: str | None
) -> tuple[list[OrderRow], str | None]:
    """A page of orders, and the cursor of the next one. Raises Problem `forbidden`, `invalid_cursor`; RuleBroken
    `invalid_tag`."""
    if not caller.is_staff and (filters.tag is not None or filters.assignee is not None):
        raise Problem("forbidden", "tags and assignees are for staff")
    channel, customer = filters.channel, filters.customer
    if caller.role is Role.CUSTOMER:
        customer = _own(customer, caller.subject)
    elif caller.role is Role.CHANNEL:
        channel = _own(channel, caller.subject)
    after = pagination.position(cursor, sort)
    async with services.database.begin() as conn:
        among = await _meanings(conn, services, filters.search, caller) if filters.search is not None else None
        own = replace(filters, channel=channel, customer=customer)
        rows = await listing.page(conn, listing_filter_of(own, sort, limit, after, among))
        return cut(await detailed(conn, services, caller, rows), limit, sort)


async def detailed(conn: Connection, services: Services, caller: Principal, rows: list[OrderRow]) -> list[OrderRow]:
    """The rows of a list with their `details`, and with a workflow's failure where there is one. People are named to
    callers who may read personal data."""
    keys = services.keys if caller.reads_personal_data else None
    found = await row_details.details(conn, [row["order_no"] for row in rows], keys)
    return [{**services.failing.marked(row), "details": found[row["order_no"]]} for row in rows]


def listing_filter_of(
    filters: OrderFilters,
    sort: Sort,
    limit: int,
    after: listing.Position | None,
    among: Sequence[Branch] | None = None,
) -> listing.OrderListFilter:
    """The filters as the database is asked; `among` are the branches of a search."""
    return listing.OrderListFilter(
        status=filters.status.value if filters.status else None,
        channel=filters.channel,
        customer_id=filters.customer,
        customers=filters.customers,
        warehouse=filters.warehouse,
        hold=str(filters.hold) if filters.hold else None,
        priority=RANKS[filters.priority] if filters.priority else None,
        tag=normalised(filters.tag) if filters.tag is not None else None,
        assignee=filters.assignee,
        created_from=filters.created_from,
        created_to=filters.created_to,
        sort=sort,
        limit=limit,
        after=after,
        payment=filters.payment_status,
        fulfilment=filters.fulfilment_status,
        late=ways_of(filters.late),
        among=among,
    )


def cut(rows: list[OrderRow], limit: int, sort: Sort) -> tuple[list[OrderRow], str | None]:
    """The rows of a page, of which the database gave one more if there is another page, and the cursor of that."""
    last = rows[limit - 1] if len(rows) > limit else None
    return rows[:limit], pagination.after(last, sort) if last else None


def _own(requested: str | None, subject: str) -> str:
    """A caller's own orders only. Raises Problem `forbidden` for a request for those of others."""
    if requested not in (None, subject):
        raise Problem("forbidden", "only your own orders are listed to you")
    return subject


async def _meanings(conn: Connection, services: Services, search: str, caller: Principal) -> list[Branch]:
    text, providers = search.strip(), list(services.payments)
    if not text:
        return []
    return await order_search.meanings(conn, services.keys.vault, text, providers, everybody=caller.is_staff)
