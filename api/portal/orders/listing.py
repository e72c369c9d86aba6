"""A contact's orders, the newest first."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.dependencies import services_of
from api.pages.i18n import language
from api.portal.orders.headline import headline
from api.portal.rendering import HOME, page, sentence_time
from api.portal.session import CurrentCustomer, show_channel
from api.presenters import situations
from api.presenters.orders import row_presented, waits_for_returns
from api.services.catalogue import line_products
from api.services.orders.order_types import OrderRow
from api.services.portal import customer_orders
from api.services.portal.customer_orders import OrderGoods
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
        await show_channel(services, session, channels.pop())
    orders = [
        _presented(request, row, found.goods[row["order_no"]], found.open_returns.get(row["order_no"], ()))
        for row in found.rows
    ]
    skus = [sku for order in orders for sku in order["goods"].products]
    context: dict[str, Any] = {
        "orders": orders,
        "products": await line_products.on_lines(services, skus, language(request)),
        "credit": found.credit,
        "next": found.next_cursor,
        "first": not cursor,
    }
    return page(request, "orders.html", **context)


def _presented(
    request: Request, row: OrderRow, goods: OrderGoods, open_returns: Sequence[str | None]
) -> dict[str, Any]:
    """The row as its own customer sees it, its times in the zone of where it goes."""
    customer, lang = Principal(Role.CUSTOMER, row["customer_id"]), language(request)
    returning = waits_for_returns(row, open_returns)
    situation = situations.for_row(row, customer, lang, sentence_time(request, goods.place), returning)
    shown = {"cancelling": row["cancelling"], "situation": situation, "goods": goods}
    return row_presented(row, customer) | shown | {"headline": headline(row, situation)}
