"""A contact's orders, the newest first."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.dependencies import services_of
from api.pages.i18n import language
from api.portal.rendering import HOME, page, sentence_time
from api.portal.session import CurrentCustomer, see
from api.presenters import situations
from api.presenters.orders import row_presented
from api.services.orders.order_types import OrderRow
from api.services.portal import customer_orders
from domain.access import Principal, Role

router = APIRouter(prefix=HOME)

PAGE_SIZE = 20


@router.get("")
async def listed(
    request: Request, session: CurrentCustomer, cursor: Annotated[str, Query(max_length=300)] = ""
) -> Response:
    """A page of the orders of every customer with this contact."""
    services = services_of(request)
    found = await customer_orders.list_orders(services, session.contact, cursor or None, PAGE_SIZE)
    if len(channels := {row["channel"] for row in found.rows}) == 1:
        await see(services, session, channels.pop())
    orders = [_presented(request, row) | {"goods": found.goods[row["order_no"]]} for row in found.rows]
    return page(request, "orders.html", orders=orders, credit=found.credit, next=found.next_cursor, first=not cursor)


def _presented(request: Request, row: OrderRow) -> dict[str, Any]:
    """The row as its own customer sees it."""
    customer = Principal(Role.CUSTOMER, row["customer_id"])
    situation = situations.for_row(row, customer, language(request), sentence_time(request))
    return row_presented(row, customer) | {"cancelling": row["cancelling"], "situation": situation}
