"""The report of Home: today beside the same day last week, and what waits. Each role sees what it may."""

from collections.abc import Sequence

from api.background.home_figures import LAST_WEEK, TODAY, Figures
from api.dependencies import Services
from api.schemas.reports import (
    AttentionCause,
    HomeReport,
    HourCount,
    OrdersToday,
    PlacedToShipped,
    RefundedAmount,
    RefundReport,
    Sales,
    SoldOutProduct,
    SoldOutProducts,
    StatusCount,
)
from domain.access import Principal, Role
from domain.orders.status import Status
from infra.db.read_models import business, dashboard
from infra.db.read_models.business import ShippingTime, Slot

# Who may see money, as on the page of an order.
SEES_MONEY = (Role.SUPPORT, Role.FINANCE, Role.OPERATIONS)


async def read(services: Services, caller: Principal) -> HomeReport:
    """What this role may see, at most some seconds old."""
    figures, money = await services.home.read(), caller.may_act_as(*SEES_MONEY)
    return HomeReport(
        as_of=figures.as_of,
        day=figures.today.date().isoformat(),
        time_zone=services.settings.portal_time_zone,
        orders=_orders(figures),
        sales=_sales(figures.slots) if money else None,
        statuses=_statuses(figures.statuses),
        placed_to_shipped=shipping_of(figures.shipping),
        attention=_attention(figures) if money else None,
        low_stock=_low_stock(figures),
        refunds=_refunds(figures) if money else None,
    )


def _orders(figures: Figures) -> OrdersToday:
    slots = figures.slots
    counts = [sum(one.orders for one in slots if one.window == window) for window in (TODAY, LAST_WEEK)]
    same_time = sum(one.orders_until for one in slots if one.window == LAST_WEEK)
    hours = 1 + max([23, *(one.slot for one in slots)])
    by_hour = [
        HourCount(hour=hour, today=_in_hour(slots, TODAY, hour), last_week=_in_hour(slots, LAST_WEEK, hour))
        for hour in range(hours)
    ]
    return OrdersToday(
        today=counts[0],
        last_week_same_time=same_time,
        last_week=counts[1],
        at_least=max(counts) >= business.MOST_ORDERS,
        by_hour=by_hour,
    )


def _in_hour(slots: Sequence[Slot], window: int, hour: int) -> int:
    return sum(one.orders for one in slots if (one.window, one.slot) == (window, hour))


def _sales(slots: Sequence[Slot]) -> list[Sales]:
    """The currency with the most orders first."""
    orders = {one.currency: 0 for one in slots}
    for one in slots:
        orders[one.currency] += one.orders
    return [_in_currency(slots, currency) for currency in sorted(orders, key=lambda known: (-orders[known], known))]


def _in_currency(slots: Sequence[Slot], currency: str) -> Sales:
    mine = [one for one in slots if one.currency == currency]
    return Sales(
        currency=currency,
        today_minor=sum(one.sales_minor for one in mine if one.window == TODAY),
        last_week_same_time_minor=sum(one.sales_until_minor for one in mine if one.window == LAST_WEEK),
        last_week_minor=sum(one.sales_minor for one in mine if one.window == LAST_WEEK),
    )


def _statuses(counts: dict[str, int]) -> list[StatusCount]:
    most = dashboard.COUNTED
    found = [(status.value, counts.get(status.value, 0)) for status in Status]
    return [StatusCount(status=name, orders=min(number, most), at_least=number > most) for name, number in found]


def shipping_of(found: ShippingTime | None) -> PlacedToShipped | None:
    """How long it took, as a report says it."""
    return PlacedToShipped(median_s=found.median_s, p90_s=found.p90_s, orders=found.orders) if found else None


def _attention(figures: Figures) -> list[AttentionCause]:
    return [
        AttentionCause(
            step=one.step,
            error=one.error,
            provider=one.provider,
            orders=one.orders,
            retrying=one.failing,
            since=one.since,
            currency=one.currency,
            amount_minor=one.amount_minor,
        )
        for one in figures.attention
    ]


def _low_stock(figures: Figures) -> SoldOutProducts:
    listed = [
        SoldOutProduct(
            sku=one.sku,
            name=one.name,
            warehouse=one.warehouse,
            on_hand=one.on_hand,
            reserved=one.reserved,
            safety_stock=one.safety_stock,
        )
        for one in figures.sold_out[: business.LISTED]
    ]
    return SoldOutProducts(items=listed, more=len(figures.sold_out) > business.LISTED)


def _refunds(figures: Figures) -> RefundReport:
    recent = [
        RefundedAmount(currency=one.currency, refunds=one.refunds, amount_minor=one.amount_minor)
        for one in figures.refunds
    ]
    queue = figures.refund_queue
    return RefundReport(last_7_days=recent, waiting_for_approval=queue.waiting, being_paid=queue.due)
