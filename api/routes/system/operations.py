"""The installation itself: what is wrong with it, and starting again what Temporal has lost."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.responses import response_of
from api.schemas.system import Backlog, Findings, Recovered
from api.services.support import recovery
from api.services.system import installation
from domain.access import STAFF, Role
from infra.system import doctor

router = APIRouter(prefix="/v1", tags=["operations"])


@router.get("/doctor", **operation("examine_installation", Answer(200, Findings)))
async def examine(request: Request, caller: Caller) -> Response:
    """The checks of `oms doctor`, made by this API process with its own settings; without secrets and without the
    address of the database. For operations.
    """
    require(caller, Role.OPERATIONS)
    found = await doctor.examine(services_of(request).settings, doctor.OUTSIDE, doctor.guarded_words_of)
    return json_response({"ok": all(each.ok for each in found), "findings": [asdict(each) for each in found]})


@router.get("/backlog", **operation("get_backlog", Answer(200, Backlog)))
async def waiting(request: Request, caller: Caller) -> Response:
    """How many orders are stored and wait to be started, and how long the oldest has waited. They begin as fast as
    those before them come to rest, urgent ones first, then the oldest. From `limit` on no more are accepted (503
    `backlog_full`; 0: without limit). For staff.
    """
    require(caller, *STAFF)
    return json_response(await installation.backlog(services_of(request)))


@router.post("/recover", **operation("recover_orders", Answer(200, Recovered), with_key=True))
async def recover(request: Request, caller: Caller, cursor: str | None = None) -> Response:
    """Restart, from the database, every open order that Temporal does not know, and returns and bulk operations.

    A call processes at most 50 orders and 50 returns: while `next_cursor` is not null, call again with it and a new
    key. Safe to repeat; running workflows are not changed. 503 `workflow_unavailable` while Temporal is down. For
    operations.
    """
    require(caller, Role.OPERATIONS)
    return response_of(await recovery.recover(services_of(request), caller, idempotency_key(request), cursor))
