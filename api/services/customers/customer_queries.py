"""Customers: found by what they are called and reached by, now or before, and shown whole."""

from dataclasses import dataclass

from api import pagination
from api.dependencies import Services
from api.services.orders import order_queries
from domain.access import Principal, Role
from domain.errors import NotFound
from infra.db.customers import customer_search
from infra.db.customers.customer_search import CustomerRow
from infra.db.orders.searching import listing
from infra.db.orders.searching.order_row import OrderRow
from infra.db.read_models import customer_detail
from infra.db.read_models.customer_detail import CustomerDetail

__all__ = ["MOST_ORDERS", "READ_BY", "CustomerPage", "CustomerRow", "CustomerWithOrders", "page", "whole"]

READ_BY = (Role.SUPPORT,)
RECENT = 20
MOST_ORDERS = customer_search.MOST_ORDERS


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """Customers in the order of their ids; no cursor on the last page."""

    items: list[CustomerRow]
    next_cursor: str | None


class CustomerWithOrders(CustomerDetail):
    """A customer, and their newest orders as rows of a list; the cursor is that of the orders behind."""

    orders: list[OrderRow]
    orders_cursor: str | None


async def page(services: Services, q: str, cursor: str | None, limit: int) -> CustomerPage:
    """A page of customers whom `q` finds, of all for an empty text. Raises Problem `invalid_cursor`."""
    after = pagination.decoded(cursor, str)[0] if cursor is not None else ""
    async with services.database.begin() as conn:
        rows = await customer_search.page(conn, services.keys, q.strip(), after, limit + 1)
    more = pagination.encoded([rows[limit - 1]["customer_id"]]) if len(rows) > limit else None
    return CustomerPage(rows[:limit], more)


async def whole(services: Services, caller: Principal, customer_id: str) -> CustomerWithOrders:
    """The customer with their newest orders. Raises NotFound `customer_not_found`."""
    async with services.database.begin() as conn:
        found = await customer_detail.detail(conn, services.keys, customer_id, RECENT)
        if found is None:
            raise NotFound("customer_not_found")
        rows = await listing.page(conn, listing.OrderListFilter(customer_id=customer_id, limit=RECENT))
        detailed = await order_queries.detailed(conn, services, caller, rows)
    orders, cursor = order_queries.cut(detailed, RECENT, order_queries.NEWEST)
    return {**found, "orders": orders, "orders_cursor": cursor}
