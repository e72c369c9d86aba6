"""Reports about the business."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.schemas.reports import HomeReport
from api.services import home_report

router = APIRouter(prefix="/v1/reports", tags=["reports"])


@router.get("/home", **operation("get_home_report", Answer(200, HomeReport)))
async def home(request: Request, caller: Caller) -> Response:
    """Today's orders and sales beside the same day last week, orders by status, and what waits. For staff.

    The figures are at most 20 seconds old. `sales`, `attention` and `refunds` are null for roles that may not see
    money.
    """
    require_staff(caller)
    return json_response((await home_report.read(services_of(request), caller)).model_dump())
