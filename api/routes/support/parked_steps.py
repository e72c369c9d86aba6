"""Support: the queue of stuck orders, and what to do with them."""

import re
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api import pagination
from api.dependencies import Caller, idempotency_key, json_response, order_number, require, services
from api.openapi import body_of, keyed, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.fields import PROSE, Code, Reference
from api.schemas.support.parked_steps import BulkResolve, Resolve
from api.services.support import step_resolution
from domain.access import Role
from domain.errors import NotFound
from domain.support.steps import Step
from infra.db.support import parked_steps
from infra.db.support.parked_steps import StuckWanted
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/v1/support", tags=["support"])

_PROSE = re.compile(PROSE)
_JOB_ID = re.compile(r"^job_[0-9a-f]{32}$")


@router.get("/stuck", responses=problems())
async def stuck(
    request: Request,
    caller: Caller,
    step: Step | None = None,
    error: Reference | None = None,
    provider: Code | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Parked orders, the longest parked first."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    after = None
    if cursor is not None:
        since, order_no = pagination.decoded(cursor, str, str)
        after = (pagination.moment(since), order_no)
    async with parts.database.begin() as conn:
        wanted = StuckWanted(step.value if step else None, error, provider, after, limit)
        rows = await parked_steps.stuck(conn, wanted)
    items, more = rows[:limit], len(rows) > limit
    last = pagination.encoded([items[-1]["since"].isoformat(), items[-1]["order_no"]]) if more else None
    return json_response({"items": items, "next_cursor": last})


@router.post("/orders/{order_no}/resolve", openapi_extra=body_of(Resolve), responses=problems(202))
async def resolve(order_no: str, request: Request, caller: Caller) -> Response:
    """Retry, skip, amend or compensate the parked step of an order."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key, number = idempotency_key(request), order_number(order_no)
    bind_order(number)
    parsed = await read(request, Resolve)
    return response_of(await step_resolution.resolve_one(parts, caller, key, parsed.digest, number, parsed.model))


@router.post("/resolve", status_code=202, openapi_extra=body_of(BulkResolve), responses=problems())
async def resolve_many(request: Request, caller: Caller) -> Response:
    """The same act on all parked orders that the filter finds now, at most `rate_per_s` a second."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    parsed = await read(request, BulkResolve)
    return response_of(await step_resolution.resolve_many(parts, caller, key, parsed.digest, parsed.model))


@router.get("/jobs/{job_id}", responses=problems())
async def job(job_id: str, request: Request, caller: Caller) -> Response:
    """How far a bulk act has come; done means that the resolve was accepted."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    async with parts.database.begin() as conn:
        return json_response(await parked_steps.progress(conn, job_number(job_id)))


@router.post("/jobs/{job_id}/stop", openapi_extra=keyed(), responses=problems())
async def stop(job_id: str, request: Request, caller: Caller) -> Response:
    """End a bulk act before its next order. One that has ended stays as it is."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    return response_of(await step_resolution.stop_job(parts, caller, idempotency_key(request), job_number(job_id)))


def job_number(typed: str) -> str:
    """Raises NotFound `job_not_found` for what cannot be one."""
    if not _JOB_ID.match(typed):
        raise NotFound("job_not_found")
    return typed
