"""The report on the last days: orders and sales by day, beside as many days before."""

from collections.abc import Sequence
from datetime import date, timedelta

from api.background.home_figures import PeriodFigures
from api.dependencies import Services
from api.schemas.reports import DayCount, DaySales, PeriodReport, PeriodSales, RefundedAmount
from api.services.reports.home_report import SEES_MONEY, shipping_of
from infra.db.read_models import business
from infra.db.read_models.business import Day

READ_BY = SEES_MONEY
PERIODS = (7, 30, 90)


async def read(services: Services, days: int) -> PeriodReport:
    """At most a minute old."""
    figures = await services.home.period(days)
    too_many = sum(one.orders for one in figures.days) > business.MOST_IN_DAYS
    read_days = [] if too_many else figures.days
    by_day = _by_day(read_days, figures.first, days)
    return PeriodReport(
        as_of=figures.as_of,
        days=days,
        first_day=figures.first.isoformat(),
        time_zone=services.settings.portal_time_zone,
        too_many=too_many,
        orders=sum(one.orders for one in by_day),
        before=sum(one.before for one in by_day),
        by_day=by_day,
        sales=_sales(read_days, figures.first, days),
        placed_to_shipped=shipping_of(figures.shipping),
        refunds=_refunds(figures),
    )


def _by_day(found: Sequence[Day], first: date, days: int) -> list[DayCount]:
    orders: dict[date, int] = {}
    for one in found:
        orders[one.day] = orders.get(one.day, 0) + one.orders
    return [
        DayCount(day=day.isoformat(), orders=orders.get(day, 0), before=orders.get(day - timedelta(days), 0))
        for day in _days(first, days)
    ]


def _sales(found: Sequence[Day], first: date, days: int) -> list[PeriodSales]:
    """The currency with the most orders first."""
    orders: dict[str, int] = {}
    for one in found:
        orders[one.currency] = orders.get(one.currency, 0) + one.orders
    return [_in(found, currency, first, days) for currency in sorted(orders, key=lambda known: (-orders[known], known))]


def _in(found: Sequence[Day], currency: str, first: date, days: int) -> PeriodSales:
    sales = {one.day: one.sales_minor for one in found if one.currency == currency}
    by_day = [
        DaySales(day=day.isoformat(), sales_minor=sales.get(day, 0), before_minor=sales.get(day - timedelta(days), 0))
        for day in _days(first, days)
    ]
    return PeriodSales(
        currency=currency,
        sales_minor=sum(one.sales_minor for one in by_day),
        before_minor=sum(one.before_minor for one in by_day),
        by_day=by_day,
    )


def _days(first: date, days: int) -> list[date]:
    return [first + timedelta(number) for number in range(days)]


def _refunds(figures: PeriodFigures) -> list[RefundedAmount]:
    return [
        RefundedAmount(currency=one.currency, refunds=one.refunds, amount_minor=one.amount_minor)
        for one in figures.refunds
    ]
