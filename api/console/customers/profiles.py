"""Customers: a list with a search, and a page for each."""

import re
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.pages.forms import fitting
from api.pages.notices import acknowledged
from api.pages.rendering import sentence_time
from api.presenters import situations
from api.presenters.orders import row_presented
from api.schemas.customers import SetCustomerGroup
from api.schemas.fields import LINE, Identity
from api.services.customers import customer_groups, customer_queries
from domain.access import Role

router = APIRouter(prefix="/console/customers")

PAGE_SIZE = 50
_READABLE = re.compile(LINE)


def address(customer_id: str) -> str:
    """The customer's page."""
    return f"/console/customers/{quote(customer_id, safe='')}"


@router.get("")
async def find(
    request: Request,
    member: CurrentStaff,
    q: Annotated[str, Query(max_length=100)] = "",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Customers whom `q` finds; the only one opens at once. Without `q` all of them."""
    require(member.principal, *customer_queries.READ_BY)
    typed = q.strip()
    if not _READABLE.match(typed):
        raise Problem("invalid_text")
    found = await customer_queries.page(services_of(request), typed, cursor or None, PAGE_SIZE)
    if typed and not cursor and len(found.items) == 1 and found.next_cursor is None:
        return RedirectResponse(address(found.items[0]["customer_id"]), 303)
    more = urlencode({"q": typed, "cursor": found.next_cursor}) if found.next_cursor else None
    context: dict[str, Any] = {"rows": found.items, "next": more, "q": typed, "most": customer_queries.MOST_ORDERS}
    return page(request, "customers.html", member=member, address=address, **context)


@router.get("/{customer_id:path}")
async def show(request: Request, member: CurrentStaff, customer_id: Annotated[Identity, Path()]) -> Response:
    """How the customer is reached now and was before, what they ordered, spent and sent back, and messages to them."""
    require(member.principal, *customer_queries.READ_BY)
    return await _shown(request, member, customer_id)


@router.post("/{customer_id:path}/group")
async def set_group(request: Request, member: CurrentStaff, customer_id: Annotated[Identity, Path()]) -> Response:
    """Put the customer into a group; what does not fit stays in its field."""
    require(member.principal, *customer_queries.READ_BY)
    typed = (await posted(request, member)).get("customer_group", "")
    try:
        wanted = fitting(SetCustomerGroup, {"customer_group": typed.strip() or None})
    except Problem:
        return await _shown(request, member, customer_id, typed)
    await customer_groups.put(services_of(request), member.principal, customer_id, wanted)
    return acknowledged(request, address(customer_id), "done.customer_group")


async def _shown(request: Request, member: StaffMember, customer_id: str, typed: str | None = None) -> Response:
    found = await customer_queries.whole(services_of(request), member.principal, customer_id)
    lang, caller = language(request), member.principal
    times = sentence_time(lang)
    orders = [
        row_presented(row, caller) | {"situation": situations.for_row(row, caller, lang, times)}
        for row in found["orders"]
    ]
    context: dict[str, Any] = {"customer": {**found, "orders": orders}}
    context["sees_credit"] = member.may(Role.SUPPORT, Role.FINANCE)
    context["typed"] = typed
    status = 200 if typed is None else 422
    return page(request, "customer.html", member=member, status=status, address=address, **context)
