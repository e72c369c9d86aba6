"""Acts on stuck orders, one by one and in bulk: what the HTTP calls and the console's forms both do."""

import re
from typing import Any

from fastapi import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotent import WorkflowCall, by_workflow, in_books
from api.schemas.support import BulkResolve, Resolve
from api.schemas.text import PROSE
from domain.access import Principal
from domain.errors import Conflict
from domain.steps import STEPS, Action, Step, check_value, shape_of
from infra.db import idempotency, support_reading
from infra.db.support_reading import Parked
from infra.telemetry import current_traceparent
from workflows import names
from workflows.messages import ResolveRequest

_PROSE = re.compile(PROSE)


async def resolve_one(
    parts: Services, caller: Principal, key: str, digest: bytes, number: str, wish: Resolve
) -> Response:
    """Retry, skip, amend or compensate the parked step of the order `number`.

    Raises Problem `invalid_text`, `invalid_value`, `workflow_unavailable`; Conflict `not_parked`,
    `action_not_possible`; NotFound `order_not_found`.
    """
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

    asked = idempotency.Request(actor(caller), key, digest)
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


async def resolve_many(parts: Services, caller: Principal, key: str, digest: bytes, wish: BulkResolve) -> Response:
    """Open a job over all parked orders that the filter finds now. Raises Problem `invalid_text`, `invalid_value`."""
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

    return await in_books(parts, idempotency.Request(actor(caller), key, digest), 202, work)


def _require_some_step(wish: BulkResolve) -> None:
    """A value must fit the step that the filter names; without one, no step takes it. Raises Problem."""
    if wish.filter.step is not None:
        if why := check_value(wish.filter.step, wish.action, wish.value):
            raise Problem("invalid_value", why)
    elif wish.value or all(shape_of(step, wish.action) for step in STEPS if wish.action in STEPS[step].options):
        raise Problem("invalid_value", "an act with a value needs filter.step: each step has its own shape")


async def stop_job(parts: Services, caller: Principal, key: str, job_id: str) -> Response:
    """End a job before its next order; one that has ended stays as it is. Raises NotFound `job_not_found`."""
    digest = derived_id(caller, job_id, "stop").encode()

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await support_reading.stop_job(conn, job_id, actor(caller))
        return await support_reading.progress(conn, job_id)

    return await in_books(parts, idempotency.Request(actor(caller), key, digest), 200, work)
