"""The table of orders: filters, tabs with counts, sorting, saved views, chosen columns."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.orders.table_query import PATH, SORTS, Asked, Parameters
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember
from api.dependencies import services_of
from api.pages.forms import new_key
from api.pages.i18n import language
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import listed
from api.services.after_sales.return_lookup import HANDLED_BY
from api.services.orders import orders_table, parcel_labels
from api.services.orders.orders_table import OrdersTable, TableRow
from domain.orders.bulk_actions import BULK, MAX_ORDERS
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.orders.table_columns import Column

router = APIRouter(prefix="/console")

# Orders begin within a moment; what waits longer is worth a line.
NOTED_FROM_S = 5.0
# Sorted by a column's header: the first way, and the other one.
HEADERS = {
    Column.PLACED: ("-created_at", "created_at"),
    Column.TOTAL: ("-total", "total"),
    Column.STATUS: ("status", "-created_at"),
}


@router.get("/orders")
async def table(request: Request, member: CurrentStaff, asked: Asked) -> Response:
    """The orders that fit. A whole order number, or the only order that a search finds, opens the order."""
    return await _table(request, member, asked)


async def _table(request: Request, member: StaffMember, asked: Parameters) -> Response:
    services = services_of(request)
    found = await orders_table.read(services, member.principal, asked.query(), with_returns=member.may(*HANDLED_BY))
    if asked.values.keys() == {"q"} and not asked.cursor and len(found.rows) == 1:
        return RedirectResponse(f"{PATH}/{found.rows[0]['order_no']}", 303)
    template = "orders_live.html" if request.headers.get("x-live") else "orders.html"
    refusing = services.backlog.full
    return page(request, template, member=member, **_context(request, member, asked, found), refusing=refusing)


def _context(request: Request, member: StaffMember, asked: Parameters, found: OrdersTable) -> dict[str, Any]:
    offered = found.offered
    own = [view for view in offered.views if view.owner == member.name]
    return {
        "asked": asked,
        "rows": [_presented(request, member, row) for row in found.rows],
        "next": f"{asked.link()}{'&' if asked.values else '?'}cursor={found.next_cursor}" if found.next_cursor else "",
        "counts": found.counts,
        "counted": orders_table.COUNTED,
        "many": any(count > orders_table.COUNTED for count in found.counts.values()) or not found.counts,
        "to_do": found.waiting,
        "late": found.backlog if found.backlog.oldest_s >= NOTED_FROM_S else None,
        "customers_cut": found.customers_cut,
        "channels": [(channel, channel) for channel in offered.choices.channels],
        "warehouses": offered.choices.warehouses,
        "tags": [(tag, tag) for tag in offered.tags],
        "own_views": own,
        "shared_views": [view for view in offered.views if view.owner != member.name],
        "columns": offered.columns,
        "all_columns": list(Column),
        "headers": HEADERS,
        "sorts": SORTS,
        "statuses": list(Status),
        "holds": list(HoldKind),
        "priorities": list(Priority),
        "actions": [action for action, rule in BULK.items() if member.may(*rule.roles)],
        "max_orders": MAX_ORDERS,
        "prints": member.may(*parcel_labels.READ_BY),
        "key": new_key(),
    }


def _presented(request: Request, member: StaffMember, row: TableRow) -> dict[str, Any]:
    """A row with its situation in the reader's language, its tags and who looks after it."""
    lang, caller = language(request), member.principal
    situation = situations.for_row(row, caller, lang, sentence_time(lang))
    labels = row["labels"]
    return listed(row, caller, situation) | {"tags": labels.tags, "assignee": labels.assignee}
