"""Do stock, money and stories add up: the questions of `oms ledger check` for programs."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require, services
from api.exclusive import alone
from api.openapi import problems
from api.schemas.audit import BooksChecked
from domain.access import Role
from infra.db.checks import check_schedule
from infra.db.checks.consistency_checks import Answer

router = APIRouter(prefix="/v1/ledger", tags=["ledger"])


@router.get("/check", response_model=BooksChecked, responses=problems())
async def check(request: Request, caller: Caller) -> Response:
    """Put every question to the books: `ok` when each is answered and finds nothing.

    `found` are the first 20 of `wrong` places. The call takes `OMS_BOOKS_CHECK_TIMEOUT_S` at most: a question without
    an answer by then has `ok` and `wrong` null. One check at a time; 503 `busy` while another runs.
    """
    parts = services(request)
    require(caller, Role.FINANCE, Role.OPERATIONS, Role.ADMIN)
    async with alone(request):
        answers = await check_schedule.answers(parts.database, parts.settings.books_check_timeout_s)
    return json_response({"ok": all(answer.right for answer in answers), "checks": [_shown(one) for one in answers]})


def _shown(answer: Answer) -> dict[str, Any]:
    return {
        "code": answer.question.code,
        "name": answer.question.name,
        "ok": answer.right if answer.in_time else None,
        "wrong": answer.count if answer.in_time else None,
        "found": [{"where": one.place, "should_be": one.expected, "is": one.found} for one in answer.examples],
    }
