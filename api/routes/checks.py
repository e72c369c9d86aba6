"""Consistency checks of stock, money and events: `oms ledger check` for programs."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require, services_of
from api.http.exclusive import alone
from api.http.openapi import Answer, operation
from api.presenters import checks
from api.schemas.audit import BooksChecked
from api.services.checks import check_running
from domain.access import Role

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


@router.get("/check", **operation("check_consistency", Answer(200, BooksChecked)))
async def check(request: Request, caller: Caller) -> Response:
    """Run every check of the database: `ok` when each one ends and finds nothing.

    `found` are the first 20 of `wrong` places. The call takes `OMS_BOOKS_CHECK_TIMEOUT_S` at most: a check without
    a result by then has `ok` and `wrong` null. One such call at a time; 503 `busy` while another runs.
    """
    require(caller, Role.FINANCE, Role.OPERATIONS, Role.ADMIN)
    async with alone(request):
        results = await check_running.run_checks(services_of(request))
    return json_response(checks.presented(results).model_dump(by_alias=True))
