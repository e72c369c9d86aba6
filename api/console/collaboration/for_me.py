"""What waits for the person who is signed in: notes that mention them, and the orders that they look after."""

import hashlib
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.forms import key_of, new_key
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require_staff, services_of
from api.pages.notices import acknowledged
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import row_presented
from api.schemas.collaboration.notes import NoteId
from api.services.collaboration import my_mentions
from api.services.orders import order_queries
from api.services.orders.order_queries import OrderFilters
from api.services.orders.order_types import OrderRow

router = APIRouter(prefix="/console/for-me")

PAGE_SIZE = 25
Cursor = Annotated[str, Query(max_length=300)]


@router.get("")
async def mine(request: Request, member: CurrentStaff, mentions: Cursor = "", orders: Cursor = "") -> Response:
    """Mentions, newest first, and the orders that are assigned to the person; a cursor for each list."""
    require_staff(member.principal)
    services = services_of(request)
    found = await my_mentions.page(services, member.principal, mentions or None, PAGE_SIZE, unread=False)
    filters = OrderFilters(assignee=member.name)
    rows, more = await order_queries.page(
        services, member.principal, filters, order_queries.NEWEST, PAGE_SIZE, orders or None
    )
    context: dict[str, Any] = {
        "mentions": found.items,
        "unread": found.unread,
        "more_mentions": urlencode({"mentions": found.next_cursor}) if found.next_cursor else None,
        "orders": _shown(request, member, rows),
        "more_orders": urlencode({"orders": more}) if more else None,
    }
    return page(request, "for_me.html", member=member, key=new_key(), **context)


@router.post("")
async def read_all(request: Request, member: CurrentStaff) -> Response:
    """All mentions are read."""
    require_staff(member.principal)
    services, fields = services_of(request), await posted(request, member)
    await my_mentions.read(services, member.principal, key_of(fields), hashlib.sha256(b"all").digest(), None)
    return acknowledged(request, "/console/for-me", "done.mentions_read")


@router.get("/{note_id}")
async def open_note(request: Request, member: CurrentStaff, note_id: NoteId) -> Response:
    """Go to the order of a note that mentions the person; it is read then."""
    require_staff(member.principal)
    order_no = await my_mentions.follow(services_of(request), member.principal, note_id)
    return RedirectResponse(f"/console/orders/{order_no}#notes", 303)


def _shown(request: Request, member: StaffMember, rows: list[OrderRow]) -> list[dict[str, Any]]:
    lang, caller = language(request), member.principal
    times = sentence_time(lang)
    return [row_presented(row, caller) | {"situation": situations.for_row(row, caller, lang, times)} for row in rows]
