"""Stock cases: differences that a person clears up."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response

from api.dependencies import Caller, json_response, require_staff, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.routes.stock import stock_request
from api.schemas.stock_cases import CaseOwner, ResolveCase, StockCase, StockCasePage
from api.services.stock import stock_cases
from domain.access import Role
from domain.stock.cases import StockCaseKind, StockCaseState

router = APIRouter(prefix="/v1/stock/cases", tags=["stock"])
Limit = Annotated[int, Query(ge=1, le=200)]
Number = Annotated[int, Path(ge=1, le=2**62)]


@router.get("", **operation("list_stock_cases", Answer(200, StockCasePage)))
async def list_cases(
    request: Request,
    caller: Caller,
    state: StockCaseState = StockCaseState.OPEN,
    kind: StockCaseKind | None = None,
    limit: Limit = 50,
    cursor: str | None = None,
) -> Response:
    """Cases, the newest first; for the staff."""
    require_staff(caller)
    found, following = await stock_cases.page(services_of(request), state, limit, cursor, kind)
    return json_response({"items": found, "next_cursor": following})


@router.post("/{case_id}/owner", **operation("assign_stock_case", Answer(200, StockCase), body=CaseOwner))
async def assign(case_id: Number, request: Request, caller: Caller) -> Response:
    """Set the owner of the case."""
    asked, body = await stock_request(request, caller, CaseOwner, Role.WAREHOUSE, Role.OPERATIONS)
    return response_of(await stock_cases.assign(asked, case_id, body))


@router.post("/{case_id}/resolve", **operation("resolve_stock_case", Answer(200, StockCase), body=ResolveCase))
async def resolve(case_id: Number, request: Request, caller: Caller) -> Response:
    """End it. Of a transfer's difference, `found` puts the pieces on the target's level, `not_sent` on the source's,
    and `lost` writes them off."""
    asked, body = await stock_request(request, caller, ResolveCase, Role.WAREHOUSE, Role.OPERATIONS)
    return response_of(await stock_cases.resolve(asked, case_id, body))
