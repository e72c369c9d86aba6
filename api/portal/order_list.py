"""A contact's orders, the newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api import paging
from api.dependencies import services
from api.portal.rendering import HOME, page
from api.portal.visitor import Signed
from api.presenting import row_presented
from infra.db import listing, portal_orders, portal_sessions

router = APIRouter(prefix=HOME)

PAGE_SIZE = 20
_NEWEST: listing.Sort = "-created_at"


@router.get("")
async def listed(request: Request, person: Signed, cursor: Annotated[str, Query(max_length=300)] = "") -> Response:
    """A page of the orders of every customer with this contact."""
    after = paging.position(cursor or None, _NEWEST)
    async with services(request).database.begin() as conn:
        customers = await portal_sessions.customers_of(conn, person.contact)
        among = portal_sessions.branches_of(person.contact, customers)
        wanted = listing.Wanted(limit=PAGE_SIZE, after=after, among=among)
        rows = await listing.page(conn, wanted)
        shown = rows[:PAGE_SIZE]
        credit = await portal_orders.credit_of(conn, customers)
        goods = await portal_orders.goods_of(conn, [row["order_no"] for row in shown])
    more = paging.after(shown[-1], _NEWEST) if len(rows) > PAGE_SIZE else None
    orders: list[dict[str, Any]] = [
        row_presented(row) | {"cancelling": row["cancelling"], "goods": goods[row["order_no"]]} for row in shown
    ]
    return page(request, "orders.html", orders=orders, credit=credit, next=more, first=not cursor)
