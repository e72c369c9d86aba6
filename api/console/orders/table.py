"""The table of orders: filters, tabs with counts, sorting, saved views, chosen columns."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote_plus

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.i18n import WORDS
from api.console.orders.table_query import PATH, RANGES, SORTS, Asked, Parameters, view_link
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember
from api.dependencies import services_of
from api.errors import Problem
from api.pages.forms import new_key
from api.pages.i18n import language
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import listed
from api.services.after_sales.return_lookup import HANDLED_BY
from api.services.orders import orders_table
from api.services.orders.order_printing import PRINTED_BY, PrintKind
from api.services.orders.orders_table import OrdersTable, TableRow
from domain.orders.bulk_actions import BULK, MAX_ORDERS
from domain.orders.holds import HoldKind
from domain.orders.payment_status import PaymentState
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.orders.table_columns import Column
from domain.shipping.fulfilment_status import FulfilmentState
from domain.shipping.lateness import Lateness

router = APIRouter(prefix="/console")

# What the list of actions offers to print.
_PRINTS = {
    "print": PrintKind.PACKING_SLIPS,
    "print_invoices": PrintKind.INVOICES,
    "print_slips": PrintKind.PACKING_SLIPS,
    "labels": PrintKind.LABELS,
    "print_all": PrintKind.ALL,
}
# Orders begin within a moment; what waits longer is worth a line.
NOTED_FROM_S = 5.0
# Sorted by a column's header: the first way, and the other one.
HEADERS = {
    Column.PLACED: ("-created_at", "created_at"),
    Column.TOTAL: ("-total", "total"),
    Column.STATUS: ("status", "-created_at"),
}


@dataclass(frozen=True, slots=True)
class RefusedView:
    """A view that could not be saved: what was typed, under which key, and why not."""

    name: str
    shared: bool
    key: str
    problem: Exception


@router.get("/orders")
async def table(request: Request, member: CurrentStaff, asked: Asked) -> Response:
    """The orders that fit. A whole order number, or the only order that a search finds, opens the order."""
    return await shown_table(request, member, asked)


async def shown_table(
    request: Request, member: StaffMember, asked: Parameters, status: int = 200, view: RefusedView | None = None
) -> Response:
    """The table; with filters that cannot be it has no rows, and says so at each. `view` could not be saved."""
    services = services_of(request)
    read = partial(orders_table.read, services, member.principal, with_returns=member.may(*HANDLED_BY))
    try:
        found = await read(asked.query(), empty=bool(asked.errors))
    except Problem as problem:
        if problem.code != "invalid_cursor":
            raise
        return RedirectResponse(asked.link(), 303)
    if asked.values.keys() == {"q"} and not asked.errors and not asked.cursor and len(found.rows) == 1:
        return RedirectResponse(f"{PATH}/{found.rows[0]['order_no']}", 303)
    template = "orders_live.html" if request.headers.get("x-live") else "orders.html"
    context = _context(request, member, asked, found) | {"refusing": services.backlog.full, "refused_view": view}
    return page(request, template, status=422 if asked.errors else status, member=member, **context)


_SOMEBODY = "somebody-else"
# The words of each filter whose values are codes.
CODED = {"payment_status": "payment_state", "fulfilment_status": "fulfilment_state", "hold": "hold"}
CODED |= {"priority": "priority", "late": "late"}


def _choices(lang: str, asked: Parameters) -> dict[str, Any]:
    """What the filters of fixed values offer, in words; a range of days that is set, too."""
    days = asked.values.get("placed_last")
    ranges = sorted({*RANGES, *([int(days)] if days else [])})

    def words(name: str, values: Iterable[object]) -> list[tuple[str, str]]:
        return [(str(value), _filter_words(lang, name, str(value))) for value in values]

    return {
        "payment_choices": words("payment_status", PaymentState),
        "fulfilment_choices": words("fulfilment_status", FulfilmentState),
        "late_choices": words("late", ["any", *Lateness]),
        "range_choices": words("placed_last", ranges),
        "hold_choices": words("hold", ["any", *HoldKind]),
        "priority_choices": words("priority", Priority),
        "filter_words": partial(_filter_words, lang),
    }


def _filter_words(lang: str, name: str, value: str) -> str:
    """The value of a filter as people read it."""
    t = WORDS.speaker(lang)
    if name == "placed_last":
        return t("orders.today") if value == "1" else t("orders.last_days", count=value)
    if (name, value) == ("hold", "any"):
        return t("board.hold.any")
    return WORDS.code_words(lang, CODED[name], value) if name in CODED else value


def _context(request: Request, member: StaffMember, asked: Parameters, found: OrdersTable) -> dict[str, Any]:
    offered = found.offered
    own = [view for view in offered.views if view.owner == member.name]
    return {
        "asked": asked,
        "rows": [_presented(request, member, row) for row in found.rows],
        "next": f"{asked.link()}{'&' if asked.values else '?'}cursor={found.next_cursor}" if found.next_cursor else "",
        "view_link": view_link,
        "customer_link": _customer_links(asked),
        **_choices(language(request), asked),
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
        "actions": [action for action, rule in BULK.items() if member.may(*rule.roles)],
        "max_orders": MAX_ORDERS,
        "prints": [name for name, kind in _PRINTS.items() if member.may(*PRINTED_BY[kind])],
        "key": new_key(),
    }


def _customer_links(asked: Parameters) -> Callable[[str], str]:
    """The address of a customer's orders with the filters that are set, for each row."""
    before, _, after = asked.link(customer=_SOMEBODY, q="", status="").partition(_SOMEBODY)
    return lambda customer_id: f"{before}{quote_plus(customer_id)}{after}"


def _presented(request: Request, member: StaffMember, row: TableRow) -> dict[str, Any]:
    """A row with its situation in the reader's language, its tags and who looks after it."""
    lang, caller = language(request), member.principal
    situation = situations.for_row(row, caller, lang, sentence_time(lang))
    labels = row["labels"]
    return listed(row, caller, situation) | {"tags": labels.tags, "assignee": labels.assignee}
