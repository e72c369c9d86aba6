"""The board: orders by status, filtered and searched, live."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember
from api.dependencies import services_of
from api.errors import Problem
from api.pages.i18n import language
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import row_presented
from api.schemas.fields import PROSE
from api.services.after_sales.return_lookup import HANDLED_BY
from api.services.orders import order_dashboard, order_queries
from api.services.orders.order_queries import OrderFilters
from domain.orders.holds import HoldKind
from domain.orders.priority import Priority
from domain.orders.status import Status

router = APIRouter(prefix="/console")

PAGE_SIZE = 50
MAX_SEARCH_CHARS = 200
# Orders begin within a moment; what waits longer is worth a line.
NOTED_FROM_S = 5.0
_READABLE = re.compile(PROSE)
Text = Annotated[str, Query(max_length=64)]


@router.get("")
async def full_dashboard(
    request: Request,
    member: CurrentStaff,
    status: Status | Annotated[str, Query(max_length=0)] = "",
    channel: Text = "",
    customer: Text = "",
    warehouse: Text = "",
    hold: HoldKind | Annotated[str, Query(pattern="^(any)?$")] = "",
    priority: Priority | Annotated[str, Query(max_length=0)] = "",
    placed_from: Text = "",
    placed_to: Text = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Counts by status, and a page of orders that fit the filters."""
    filters = {"status": str(status), "channel": channel.strip(), "customer": customer.strip()}
    filters |= {"warehouse": warehouse.strip(), "hold": str(hold), "priority": str(priority)}
    filters |= {"placed_from": placed_from, "placed_to": placed_to}
    template = "board_live.html" if request.headers.get("x-live") else "board.html"
    return await _board(request, member, template, filters, cursor)


async def _board(
    request: Request, member: StaffMember, template: str, filters: dict[str, str], cursor: str
) -> Response:
    hidden = {name: value for name, value in filters.items() if value}
    selection = OrderFilters(
        status=Status(filters["status"]) if filters["status"] else None,
        channel=filters["channel"] or None,
        customer=filters["customer"] or None,
        warehouse=filters["warehouse"] or None,
        hold=filters["hold"] or None,
        priority=Priority(filters["priority"]) if filters["priority"] else None,
        created_from=_day(filters["placed_from"]),
        created_to=_day(filters["placed_to"], days=1),
    )
    found = await order_dashboard.read(
        services_of(request), selection, cursor or None, PAGE_SIZE, with_returns=member.may(*HANDLED_BY)
    )
    waiting, more = found.backlog, found.next_cursor
    context: dict[str, Any] = {
        "counts": found.counts,
        "returns": found.returns,
        "counted": order_dashboard.COUNTED,
        "waiting": waiting if waiting.oldest_s >= NOTED_FROM_S else None,
        "refusing": services_of(request).backlog.full,
        "statuses": [status.value for status in Status],
        "holds": list(HoldKind),
        "priorities": list(Priority),
        "filters": filters,
        "here": urlencode(hidden | ({"cursor": cursor} if cursor else {})),
        "rows": _presented(request, member, found.rows),
        "next": urlencode(hidden | {"cursor": more}) if more else None,
    }
    return page(request, template, member=member, **context)


def _presented(request: Request, member: StaffMember, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the table, each with its situation in the reader's language."""
    lang, caller = language(request), member.principal
    times = sentence_time(lang)
    return [row_presented(row, caller) | {"situation": situations.for_row(row, caller, lang, times)} for row in rows]


def _day(typed: str, days: int = 0) -> datetime | None:
    """The beginning of a day in UTC, `days` later. Raises Problem `invalid_date`."""
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed) + timedelta(days=days), time(), UTC)
    except (ValueError, OverflowError):
        raise Problem("invalid_date", "a date is written like 2026-11-24") from None


@router.get("/orders")
async def search(
    request: Request,
    member: CurrentStaff,
    q: Annotated[str, Query(max_length=MAX_SEARCH_CHARS)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """What `q` may mean, as in `GET /v1/orders`; a whole order number, or the only order found, opens the order."""
    typed = q.strip()
    if not _READABLE.match(typed):
        raise Problem("invalid_text", "the search text holds control characters")
    rows: list[dict[str, Any]] = []
    more = None
    if typed:
        rows, more = await order_queries.search(services_of(request), typed, PAGE_SIZE, cursor or None)
    if len(rows) == 1 and not cursor:
        return RedirectResponse(f"/console/orders/{rows[0]['order_no']}", 303)
    context: dict[str, Any] = {
        "q": typed,
        "rows": _presented(request, member, rows),
        "next": urlencode({"q": typed, "cursor": more}) if more else None,
    }
    return page(request, "orders.html", member=member, **context)
