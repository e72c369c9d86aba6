"""The installation itself: what is wrong with it, and starting again what Temporal has lost."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api import recover_acts
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.documentation import keyed, problems
from api.schemas.operating import Findings, Recovered
from domain.access import Role
from infra import doctor

router = APIRouter(prefix="/v1", tags=["operations"])


@router.get("/doctor", response_model=Findings, responses=problems())
async def examine(request: Request, caller: Caller) -> Response:
    """What `oms doctor` looks at, as this API process sees it, with its own settings; no secret and no address of the
    database is told. For operations.
    """
    require(caller, Role.OPERATIONS)
    found = await doctor.examine(services(request).settings, doctor.OUTSIDE, doctor.guarded_words_of)
    return json_response({"ok": all(each.ok for each in found), "findings": [asdict(each) for each in found]})


@router.post("/recover", response_model=Recovered, openapi_extra=keyed(), responses=problems())
async def recover(request: Request, caller: Caller, cursor: str | None = None) -> Response:
    """Start again, from the books, every open order that Temporal does not know, and returns and bulk acts.

    A call looks at 50 orders and 50 returns at most: while `next_cursor` is not null, call again with it and a new
    key. Safe to repeat; what runs is left alone. 503 `workflow_unavailable` while Temporal is down. For operations.
    """
    require(caller, Role.OPERATIONS)
    return await recover_acts.recover(services(request), caller, idempotency_key(request), cursor)
