"""Exporting the orders of a list: read in small pages, so that memory does not grow with their number."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from api.dependencies import Services, actor
from api.errors import unavailable
from api.services.orders import order_queries, orders_table
from api.services.orders.order_queries import NEWEST, OrderFilters, Sort
from domain.access import Principal
from infra.db.audit import actor_context
from infra.db.orders.searching import exports, listing, row_details
from infra.db.orders.searching.list_sources import Branch, Exactly
from infra.db.orders.searching.order_row import OrderRow

PAGE = 500
# A spreadsheet is computed here, row by row; CSV is sent while it is read and costs little.
MAX_XLSX_AT_ONCE = 2
XLSX_RETRY_S = 15
NAMED_ITEMS = 20


class _Room:
    """How many spreadsheets this process writes now."""

    taken = 0


@contextmanager
def xlsx_room() -> Iterator[None]:
    """One of the few spreadsheets that are written at once. Raises Problem `exports_busy`."""
    _require_room()
    _Room.taken += 1
    try:
        yield
    finally:
        _Room.taken -= 1


def _require_room() -> None:
    if _Room.taken >= MAX_XLSX_AT_ONCE:
        raise unavailable("exports_busy", after_s=XLSX_RETRY_S)


async def begin(
    services: Services,
    caller: Principal,
    file_format: str,
    filters: OrderFilters,
    chosen: Sequence[str] = (),
    customer: str = "",
) -> tuple[OrderFilters, Sequence[Branch] | None]:
    """Write the export to the audit log; answers with what is to be read: the filters with the customers whom
    `customer` names, and the branches of the search, None without one. Raises Problem `exports_busy`."""
    if file_format == "xlsx":
        _require_room()
    said: dict[str, object] = {
        name: str(value)
        for name in (
            "status",
            "payment_status",
            "fulfilment_status",
            "late",
            "channel",
            "warehouse",
            "hold",
            "priority",
            "tag",
            "assignee",
            "created_from",
            "created_to",
        )
        if (value := getattr(filters, name)) is not None
    }
    said |= {"search": True} if filters.search else {}
    said |= {"customer": True} if filters.customer or customer else {}
    said |= {"chosen": len(chosen)} if chosen else {}
    async with services.database.begin() as conn:
        personal = caller.reads_personal_data
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        await exports.record(conn, actor(caller), file_format, said, personal=personal)
        if chosen:
            return OrderFilters(), [Exactly("order_no", list(chosen))]
        narrow, _ = await orders_table.narrowed(conn, services, filters, customer)
        return narrow, await orders_table.meanings(conn, services, filters.search)


def pages(
    services: Services, caller: Principal, filters: OrderFilters, sort: Sort, among: Sequence[Branch] | None
) -> AsyncIterator[list[OrderRow]]:
    """Every row that fits, a page at a time; by total there is no complete order, so the newest come first then.

    Raises RuleBroken `invalid_tag` at once: when the first page is read, the answer has begun.
    """
    sort = NEWEST if sort in listing.BY_TOTAL else sort
    return _pages(services, caller, order_queries.listing_filter_of(filters, sort, PAGE, None, among))


async def _pages(
    services: Services, caller: Principal, wanted: listing.OrderListFilter
) -> AsyncIterator[list[OrderRow]]:
    keys = services.keys if caller.reads_personal_data else None
    while True:
        async with services.database.begin() as conn:
            rows = await listing.page(conn, wanted)
            numbers = [row["order_no"] for row in rows[:PAGE]]
            details = await row_details.details(conn, numbers, keys, NAMED_ITEMS)
        yield [{**services.failing.marked(row), "details": details[row["order_no"]]} for row in rows[:PAGE]]
        if len(rows) <= PAGE:
            return
        last = rows[PAGE - 1]
        after = listing.Position(last["created_at"], last["order_no"], last["status"])
        wanted = replace(wanted, after=after)
