"""Reports: orders and sales of the last days, beside as many days before."""

from functools import partial
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.console.i18n import language
from api.console.rendering import page
from api.console.reports.home import change, orders_path
from api.console.session import CurrentStaff
from api.dependencies import require, services_of
from api.pages.time_words import span
from api.presenters import charts
from api.schemas.reports import PeriodReport, PeriodSales
from api.services.reports import period_report
from domain.money import shown

router = APIRouter(prefix="/console/reports")

_LABELS = 10


@router.get("")
async def report(request: Request, member: CurrentStaff, days: Literal["7", "30", "90"] = "30") -> Response:
    """The report on so many days."""
    require(member.principal, *period_report.READ_BY)
    found, lang = await period_report.read(services_of(request), int(days)), language(request)

    def duration(seconds: float) -> str:
        return span(seconds, lang)

    return page(request, "reports.html", member=member, duration=duration, **_context(found, lang))


def _heights(sales: PeriodSales) -> list[list[int]]:
    return [[day.sales_minor for day in sales.by_day], [day.before_minor for day in sales.by_day]]


def _amount(currency: str, lang: str, amount_minor: int) -> str:
    return shown(amount_minor, currency, lang)


def _context(found: PeriodReport, lang: str) -> dict[str, Any]:
    every = -(-found.days // _LABELS)
    labels = [one.day[5:] if place % every == 0 else "" for place, one in enumerate(found.by_day)]
    orders = [[one.orders for one in found.by_day], [one.before for one in found.by_day]]
    sales = [
        (one, charts.columns(_heights(one), labels, partial(_amount, one.currency, lang), left=80))
        for one in found.sales[:3]
    ]
    return {
        "report": found,
        "chart": charts.columns(orders, labels),
        "sales": sales,
        "periods": period_report.PERIODS,
        "change_of": change,
        "orders_of_day": lambda day: orders_path(placed_from=day, placed_to=day),
        "orders_in_period": orders_path(placed_from=found.first_day),
    }
