"""Reports about the business."""

from typing import Literal

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require, require_staff, services_of
from api.http.openapi import Answer, operation
from api.schemas.reports import HomeReport, PeriodReport
from api.services.reports import home_report, period_report

router = APIRouter(prefix="/v1/reports", tags=["reports"])


@router.get("/home", **operation("get_home_report", Answer(200, HomeReport)))
async def home(request: Request, caller: Caller) -> Response:
    """Today's orders and sales beside the same day last week, orders by status, and what waits. For staff.

    The figures are at most 20 seconds old. `sales`, `attention` and `refunds` are null for roles that may not see
    money.
    """
    require_staff(caller)
    return json_response((await home_report.read(services_of(request), caller)).model_dump())


@router.get("/sales", **operation("get_sales_report", Answer(200, PeriodReport)))
async def sales(request: Request, caller: Caller, days: Literal["7", "30", "90"] = "30") -> Response:
    """Orders and sales of the last days beside as many days before, by day, with refunds and the time to shipping.

    For support, finance and operations. The figures are at most a minute old.
    """
    require(caller, *period_report.READ_BY)
    return json_response((await period_report.read(services_of(request), int(days))).model_dump())
