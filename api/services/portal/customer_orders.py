"""Orders as the customer's pages show them: a page of them, and one with its timeline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from api import pagination
from api.dependencies import Services
from api.services.orders.order_queries import NEWEST
from api.services.portal.portal_sessions import PortalContact, owner_of
from domain.access import Principal
from domain.errors import NotFound
from domain.orders.status import Status
from infra.db.engine import Connection
from infra.db.orders.searching import listing
from infra.db.orders.searching.order_row import OrderRow
from infra.db.portal import order_summaries, sessions
from infra.db.read_models import order_detail
from infra.db.read_models.order_fields import EventFields, OrderFields
from infra.db.shipping.fulfilments import promised_to

OrderGoods = order_summaries.OrderGoods


@dataclass(frozen=True, slots=True)
class CustomerOrders:
    """A page of a contact's orders, the newest first: their goods and the deadlines of their open returns by order
    number, and the store credit of the contact in minor units by currency."""

    rows: Sequence[OrderRow]
    goods: Mapping[str, OrderGoods]
    open_returns: Mapping[str, Sequence[str | None]]
    credit: Sequence[tuple[int, str]]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class CustomerOrder:
    """An order with its events, the customer as whom the contact sees it, and when it probably arrives."""

    customer: Principal
    order: OrderFields
    events: Sequence[EventFields]
    expected: datetime | None


async def list_orders(services: Services, contact: PortalContact, cursor: str | None, limit: int) -> CustomerOrders:
    """A page of the orders of every customer with this contact. Raises Problem `invalid_cursor`."""
    after = pagination.position(cursor, NEWEST)
    async with services.database.begin() as conn:
        customers = await sessions.customers_of(conn, contact)
        among = sessions.branches_of(contact, customers)
        rows = await listing.page(conn, listing.OrderListFilter(limit=limit, after=after, among=among))
        page = [services.failing.marked(row) for row in rows[:limit]]
        credit = await order_summaries.credit_of(conn, customers)
        numbers = [row["order_no"] for row in page]
        goods = await order_summaries.goods_of(conn, numbers)
        open_returns = await order_summaries.open_returns(conn, numbers)
    more = pagination.after(page[-1], NEWEST) if len(rows) > limit else None
    return CustomerOrders(page, goods, open_returns, credit, more)


async def read(services: Services, contact: PortalContact, order_no: str, max_events: int) -> CustomerOrder:
    """One order of the contact. Raises NotFound `order_not_found`, also for orders of others."""
    async with services.database.begin() as conn:
        customer = await owner_of(conn, contact, order_no)
        order = await order_detail.whole_order(conn, services.keys, order_no)
        if order is None:
            raise NotFound("order_not_found")
        events = await order_detail.timeline(conn, order_no, 0, max_events)
        expected = await _expected(services, conn, order, events)
        return CustomerOrder(customer, services.failing.marked(order), events, expected)


async def _expected(
    services: Services, conn: Connection, order: OrderFields, events: Sequence[EventFields]
) -> datetime | None:
    """When the order is promised to arrive, else when it probably does, by the last deliveries to the same country;
    None once that is past."""
    ship_to, waits = order["ship_to"], order["status"] in (Status.PAID, Status.PREPARING, Status.SHIPPED)
    if not ship_to or order["cancelling"] or not (waits or order["status"] == Status.RECEIVED):
        return None
    promise = promised_to(order["fulfilments"]) or _announced(events)
    if promise is not None or not waits:
        return promise if promise and promise > datetime.now(UTC) else None
    usual = await services.usual_deliveries.read(conn, order["channel"], ship_to["country"])
    expected = order["created_at"] + usual if usual else None
    return expected if expected and expected > datetime.now(UTC) else None


def _announced(events: Sequence[EventFields]) -> datetime | None:
    """The day of which the customer was informed last."""
    days = [event["data"]["until"] for event in events if event["type"] == "promise_moved"]
    return datetime.fromisoformat(str(days[-1])) if days else None
