"""Support: the queue of stuck orders, and what to do with them."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import paging
from api.bodies import read
from api.dependencies import Caller, actor, derived_id, idempotency_key, json_response, order_number, require, services
from api.documentation import body_of, keyed, problems
from api.errors import Problem
from api.idempotent import WorkflowCall, by_workflow, in_books
from api.schemas.support import BulkResolve, Resolve
from api.schemas.text import PROSE, Code, Reference
from domain.access import Role
from domain.errors import Conflict, NotFound
from domain.steps import STEPS, Action, Step, check_value, shape_of
from infra.db import idempotency, support_reading
from infra.db.support_reading import Parked, StuckWanted
from infra.telemetry import bind_order, current_traceparent
from workflows import names
from workflows.messages import ResolveRequest

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
        since, order_no = paging.decoded(cursor, str, str)
        after = (paging.moment(since), order_no)
    async with parts.database.begin() as conn:
        wanted = StuckWanted(step.value if step else None, error, provider, after, limit)
        rows = await support_reading.stuck(conn, wanted)
    items, more = rows[:limit], len(rows) > limit
    last = paging.encoded([items[-1]["since"].isoformat(), items[-1]["order_no"]]) if more else None
    return json_response({"items": items, "next_cursor": last})


@router.post("/orders/{order_no}/resolve", openapi_extra=body_of(Resolve), responses=problems())
async def resolve(order_no: str, request: Request, caller: Caller) -> Response:
    """Retry, skip, amend or compensate the parked step of an order."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key, number = idempotency_key(request), order_number(order_no)
    bind_order(number)
    parsed = await read(request, Resolve)
    wish = parsed.model
    resolution_id = f"res_{derived_id(caller, key, f'resolve {number}')}"
    _require_readable(wish.value)

    async def prepare(conn: AsyncConnection) -> None:
        parked = await support_reading.parked(conn, number)
        _require_fitting(parked, wish.action, wish.value)
        await support_reading.keep_resolution(
            conn,
            parts.keys,
            parked.data_key,
            resolution_id,
            order_no=number,
            action=wish.action.value,
            actor=actor(caller),
            reason=wish.reason,
            value=wish.value,
        )

    async def ask() -> dict[str, Any]:
        act = ResolveRequest(number, resolution_id, wish.action.value)
        answer = await parts.workflows.ask(number, names.RESOLVE, act, resolution_id)
        return {"order_no": answer.order_no, "status": answer.status, "outcome": answer.outcome}

    async def from_books(conn: AsyncConnection) -> dict[str, Any] | None:
        status = await support_reading.resolved_by(conn, number, resolution_id)
        return None if status is None else {"order_no": number, "status": status, "outcome": wish.action.value}

    asked = idempotency.Request(actor(caller), key, parsed.digest)
    return await by_workflow(parts, asked, 200, WorkflowCall(prepare, ask, from_books))


def _require_fitting(parked: Parked, action: Action, value: object) -> None:
    """Raises Conflict `not_parked`, `action_not_possible`; Problem `invalid_value`."""
    if parked.step is None:
        raise Conflict("not_parked", "the order is not stuck at any step")
    if action.value not in parked.options:
        raise Conflict("action_not_possible", f"possible at {parked.step} are {', '.join(parked.options)}")
    if why := check_value(Step(parked.step), action, value):
        raise Problem("invalid_value", why)


def _require_readable(value: dict[str, Any] | None) -> None:
    """Raises Problem `invalid_text` for control characters in an amended text."""
    if any(isinstance(field, str) and not _PROSE.match(field) for field in (value or {}).values()):
        raise Problem("invalid_text", "a text of value holds control characters")


@router.post("/resolve", status_code=202, openapi_extra=body_of(BulkResolve), responses=problems())
async def resolve_many(request: Request, caller: Caller) -> Response:
    """The same act on all parked orders that the filter finds now, at most `rate_per_s` a second."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key = idempotency_key(request)
    parsed = await read(request, BulkResolve)
    wish = parsed.model
    _require_readable(wish.value)
    _require_some_step(wish)
    job_id = f"job_{derived_id(caller, key, 'resolve many')}"

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        chosen = {
            "step": wish.filter.step.value if wish.filter.step else None,
            "error": wish.filter.error,
            "provider": wish.filter.provider,
        }
        total = await support_reading.open_job(
            conn,
            parts.keys,
            job_id,
            chosen=chosen,
            action=wish.action.value,
            actor=actor(caller),
            reason=wish.reason,
            value=wish.value,
            rate_per_s=wish.rate_per_s,
            trace=current_traceparent(),
        )
        return {"job_id": job_id, "total": total}

    return await in_books(parts, idempotency.Request(actor(caller), key, parsed.digest), 202, work)


def _require_some_step(wish: BulkResolve) -> None:
    """A value must fit the step that the filter names; without one, no step takes it. Raises Problem."""
    if wish.filter.step is not None:
        if why := check_value(wish.filter.step, wish.action, wish.value):
            raise Problem("invalid_value", why)
    elif wish.value or all(shape_of(step, wish.action) for step in STEPS if wish.action in STEPS[step].options):
        raise Problem("invalid_value", "an act with a value needs filter.step: each step has its own shape")


@router.get("/jobs/{job_id}", responses=problems())
async def job(job_id: str, request: Request, caller: Caller) -> Response:
    """How far a bulk act has come; done means that the resolve was accepted."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    async with parts.database.begin() as conn:
        return json_response(await support_reading.progress(conn, _job_id(job_id)))


@router.post("/jobs/{job_id}/stop", openapi_extra=keyed(), responses=problems())
async def stop(job_id: str, request: Request, caller: Caller) -> Response:
    """End a bulk act before its next order. One that has ended stays as it is."""
    parts = services(request)
    require(caller, Role.SUPPORT)
    key, known = idempotency_key(request), _job_id(job_id)
    digest = derived_id(caller, known, "stop").encode()

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await support_reading.stop_job(conn, known)
        return await support_reading.progress(conn, known)

    return await in_books(parts, idempotency.Request(actor(caller), key, digest), 200, work)


def _job_id(typed: str) -> str:
    """Raises NotFound `job_not_found` for what cannot be one."""
    if not _JOB_ID.match(typed):
        raise NotFound("job_not_found")
    return typed
