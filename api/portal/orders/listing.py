"""A contact's orders, the newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api import pagination
from api.dependencies import services_of
from api.portal.rendering import HOME, page
from api.portal.session import CurrentCustomer
from api.presenters.orders import row_presented
from infra.db.orders.searching import listing
from infra.db.portal import order_summaries, sessions

router = APIRouter(prefix=HOME)

PAGE_SIZE = 20
_NEWEST: listing.Sort = "-created_at"


@router.get("")
async def listed(
    request: Request, person: CurrentCustomer, cursor: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """A page of the orders of every customer with this contact."""
    after = pagination.position(cursor or None, _NEWEST)
    async with services_of(request).database.begin() as conn:
        customers = await sessions.customers_of(conn, person.contact)
        among = sessions.branches_of(person.contact, customers)
        wanted = listing.Wanted(limit=PAGE_SIZE, after=after, among=among)
        rows = await listing.page(conn, wanted)
        shown = rows[:PAGE_SIZE]
        credit = await order_summaries.credit_of(conn, customers)
        goods = await order_summaries.goods_of(conn, [row["order_no"] for row in shown])
    more = pagination.after(shown[-1], _NEWEST) if len(rows) > PAGE_SIZE else None
    orders: list[dict[str, Any]] = [
        row_presented(row) | {"cancelling": row["cancelling"], "goods": goods[row["order_no"]]} for row in shown
    ]
    return page(request, "orders.html", orders=orders, credit=credit, next=more, first=not cursor)
