"""Home: today beside the same day last week, what waits, and what needs somebody; each figure leads to its list."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember
from api.dependencies import services_of
from api.pages.time_words import span
from api.presenters import charts
from api.schemas.reports import AttentionCause, HomeReport
from api.services.reports import home_report
from domain.access import Role

router = APIRouter(prefix="/console")

ORDERS = "/console/orders"
_EVERY = 3


@router.get("/home")
async def earlier_address(_: CurrentStaff) -> Response:
    """Home is at /console."""
    return RedirectResponse("/console", 308)


@router.get("")
async def home(request: Request, member: CurrentStaff) -> Response:
    """The page, or its live part. Filters were those of the table of orders, which was here: they go on to it."""
    if request.url.query:
        return RedirectResponse(f"{ORDERS}?{request.url.query}", 307)
    report = await home_report.read(services_of(request), member.principal)
    template, lang = "home_live.html" if request.headers.get("x-live") else "home.html", language(request)

    def duration(seconds: float) -> str:
        return span(seconds, lang)

    return page(request, template, member=member, duration=duration, **_context(report, member))


def _context(report: HomeReport, member: StaffMember) -> dict[str, Any]:
    hours = report.orders.by_hour
    labels = [f"{one.hour:02}" if one.hour % _EVERY == 0 else "" for one in hours]
    today = date.fromisoformat(report.day)
    counted = sum(one.orders for one in report.statuses)
    return {
        "report": report,
        "chart": charts.columns([[one.today for one in hours], [one.last_week for one in hours]], labels),
        "orders_today": orders_path(placed_from=report.day, placed_to=report.day),
        "orders_last_week": orders_path(placed_from=str(today - timedelta(7)), placed_to=str(today - timedelta(7))),
        "orders_of": lambda status: orders_path(status=status),
        "most": max([1, *(one.orders for one in report.statuses)]),
        "has_orders": counted > 0,
        "change": change(report.orders.today, report.orders.last_week_same_time),
        "change_of": change,
        "group_of": _group,
        "queue": member.may(Role.SUPPORT, Role.OPERATIONS),
    }


def orders_path(**filters: str) -> str:
    return f"{ORDERS}?{urlencode(filters)}"


def _group(cause: AttentionCause) -> str:
    """The page of the orders of this cause; those that are retried have a list of their own."""
    if not cause.orders:
        return "/console/retrying"
    chosen = {"step": cause.step, "error": cause.error}
    return f"/console/stuck/group?{urlencode(chosen | ({'provider': cause.provider} if cause.provider else {}))}"


def change(now: int, before: int) -> str:
    """By how many per cent it is more or less; empty where there is nothing to compare with."""
    return f"{(now - before) / before:+.0%}".replace("-", "−") if before else ""
