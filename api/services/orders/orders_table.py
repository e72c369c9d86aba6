"""The table of orders for staff: a page of rows, the counts of its tabs, and what its filters offer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from api import pagination
from api.dependencies import Services
from api.errors import Problem
from api.services.orders import order_queries
from api.services.orders.order_queries import OrderFilters, Sort, listing_filter_of
from domain.access import Principal
from domain.orders.table_columns import Column, chosen
from infra.db.collaboration import order_labels
from infra.db.collaboration.order_labels import Labels
from infra.db.engine import Connection
from infra.db.messaging import start_backlog
from infra.db.messaging.start_backlog import Backlog
from infra.db.orders.searching import choices, listing, order_search, saved_views, status_counts
from infra.db.orders.searching.choices import Choices
from infra.db.orders.searching.list_sources import Branch
from infra.db.orders.searching.order_row import OrderRow
from infra.db.orders.searching.saved_views import SavedView
from infra.db.read_models import dashboard

COUNTED = status_counts.COUNTED
SUGGESTED_TAGS = 100


@dataclass(frozen=True, slots=True)
class TableQuery:
    """Which page of which orders. `customer` is what was typed: an id, a name, an e-mail address, a number."""

    filters: OrderFilters
    customer: str = ""
    sort: Sort = order_queries.NEWEST
    cursor: str | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Offered:
    """What the filters offer, the views that the reader sees, the columns that were chosen."""

    choices: Choices
    tags: Sequence[str]
    views: Sequence[SavedView]
    columns: tuple[Column, ...]


class TableRow(OrderRow):
    """A row with its tags and who looks after it."""

    labels: Labels


@dataclass(frozen=True, slots=True)
class OrdersTable:
    """`counts` by status is empty where counting took too long; `customers_cut`: more customers fit what was typed
    than are looked at."""

    rows: list[TableRow]
    next_cursor: str | None
    counts: Mapping[str, int]
    waiting: Mapping[str, int]
    backlog: Backlog
    customers_cut: bool
    offered: Offered


async def read(
    services: Services, caller: Principal, query: TableQuery, *, with_returns: bool, empty: bool = False
) -> OrdersTable:
    """The page and all around it; `empty` reads no orders. Raises Problem `invalid_cursor`."""
    position = pagination.position(query.cursor, query.sort)
    async with services.database.begin() as conn:
        filters, cut = await narrowed(conn, services, query.filters, query.customer)
        among = [] if empty else await meanings(conn, services, filters.search)
        wanted = listing_filter_of(filters, query.sort, query.limit, position, among)
        found = await listing.page(conn, wanted)
        detailed = await order_queries.detailed(conn, services, caller, found)
        page, following = order_queries.cut(detailed, query.limit, query.sort)
        labels = await order_labels.of(conn, [row["order_no"] for row in page])
        rows: list[TableRow] = [{**row, "labels": labels[row["order_no"]]} for row in page]
        backlog = await start_backlog.poll(conn, COUNTED + 1)
        waiting = await _waiting(conn, with_returns)
        offered = await _offered(conn, caller)
    counts = await status_counts.counts(services.database, wanted)
    return OrdersTable(rows, following, counts, waiting, backlog, cut, offered)


async def narrowed(
    conn: Connection, services: Services, filters: OrderFilters, customer: str
) -> tuple[OrderFilters, bool]:
    """The filters with the customers whom `customer` names, and whether more fit than are taken."""
    if not customer:
        return filters, False
    ids = await choices.customers(conn, services.keys.vault, customer)
    return replace(filters, customers=tuple(ids[: choices.MAX_CUSTOMERS])), len(ids) > choices.MAX_CUSTOMERS


async def customer_id(services: Services, typed: str) -> str:
    """The one customer whom `typed` names. Raises Problem `one_customer`."""
    async with services.database.begin() as conn:
        ids = await choices.customers(conn, services.keys.vault, typed)
    if len(ids) != 1:
        raise Problem("one_customer", "a view keeps one customer, by their id: name one whom only one id fits")
    return ids[0]


async def meanings(conn: Connection, services: Services, text: str | None) -> Sequence[Branch] | None:
    """What a searched text may mean; None without one."""
    if not text:
        return None
    return await order_search.meanings(conn, services.keys.vault, text, list(services.payments), everybody=True)


async def chosen_numbers(services: Services, filters: OrderFilters, customer: str, limit: int) -> list[str]:
    """The numbers of the newest orders that match: at most `limit` + 1."""
    async with services.database.begin() as conn:
        narrow, _ = await narrowed(conn, services, filters, customer)
        among = await meanings(conn, services, narrow.search)
        found = await listing.page(conn, listing_filter_of(narrow, order_queries.NEWEST, limit, None, among))
    return [row["order_no"] for row in found]


async def _waiting(conn: Connection, with_returns: bool) -> dict[str, int]:
    """What waits for staff beside the list: parked orders, and returns by status for who handles them."""
    returns = await dashboard.returns_waiting(conn) if with_returns else {}
    return {"stuck": await dashboard.needing_attention(conn), **returns}


async def _offered(conn: Connection, caller: Principal) -> Offered:
    tags = await order_labels.known_tags(conn, "", SUGGESTED_TAGS)
    views = await saved_views.seen_by(conn, caller.subject)
    columns = chosen(await saved_views.columns_of(conn, caller.subject))
    return Offered(await choices.read(conn), tags, views, columns)
