"""Bulk jobs: one action on every parked order of a filter."""

import re
from dataclasses import asdict

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.support.parked_steps import BulkResolve
from api.services.approvals import approval_requests
from api.services.approvals.approval_requests import ApprovalRequest
from api.services.support.step_resolution import require_readable
from domain.access import Principal
from domain.approvals import BulkRequest, BulkResolution, ParkedFilter
from domain.errors import NotFound
from domain.support.steps import STEPS, check_value, shape_of
from domain.text import counted
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits
from infra.db.engine import Connection
from infra.db.support import parked_groups, parked_steps
from infra.db.support.parked_groups import Job
from infra.db.support.parked_steps import Agreed, JobFilter, MovingStep
from infra.observability.telemetry import current_traceparent

JobDetail = parked_groups.JobDetail
JobProgress = parked_steps.JobProgress
_JOB_ID = re.compile(r"^job_[0-9a-f]{32}$")


async def resolve_many(services: Services, caller: Principal, key: str, digest: bytes, body: BulkResolve) -> Reply:
    """Open a job over all parked orders that the filter finds now. Raises Problem `invalid_text`, `invalid_value`,
    `filter_missing`, `expected_differs`.

    Orders with which more than the limit would be returned are left out: the answer names the approval for which they
    wait.
    """
    request = _bulk_of(body)
    require_readable(request.value)
    if not request.all and not any(_chosen(request).values()):
        raise Problem("filter_missing", 'name a step, an error or a provider in filter, or say "all": true')
    _require_some_step(request)

    async def work(conn: Connection) -> dict[str, object]:
        limit_minor, above = await _above_limit(conn, services, actor(caller), request)
        approval_id = await _request_approval(conn, services, caller, key, request, above)
        job_id = f"job_{derived_id(caller, key, 'resolve many')}"
        total = await open_job(conn, services, job_id, request, actor(caller), limit_minor=limit_minor)
        _require_expected(request, total + len(above))
        waiting = {"approval_id": approval_id, "waiting": len(above)} if above else {}
        return {"job_id": job_id, "total": total, **waiting}

    return await run_in_transaction(services, request_of(caller, key, digest), 202, work)


def job_of(reply: Reply) -> str:
    """The job that `resolve_many` opened."""
    return str(reply.content["job_id"])


def _bulk_of(body: BulkResolve) -> BulkResolution:
    chosen = ParkedFilter(body.filter.step, body.filter.error, body.filter.provider)
    return BulkResolution(
        chosen, body.action, body.reason, body.rate_per_s, body.value, all=body.all, expected=body.expected
    )


def _require_expected(request: BulkResolution, found: int) -> None:
    """Raises Problem `expected_differs`, which undoes what the transaction wrote."""
    if request.expected is not None and request.expected != found:
        detail = f"the group has {counted(found, 'order')}, not {request.expected}; look at them and send the act again"
        raise Problem("expected_differs", detail, more={"found": found})


async def _above_limit(
    conn: Connection, services: Services, by: str, request: BulkResolution
) -> tuple[int, list[MovingStep]]:
    """(what one person may give back for an order in this operation, the orders that would exceed it). If the others
    together exceed the person's daily limit, every order that moves money waits for approval, and the amount is 0."""
    limits = Limits.from_settings(services.settings)
    moving = await parked_steps.moving(conn, request.action.value, _chosen(request), limits.order_minor)
    alone: dict[str, int] = {}
    for row in moving:
        if not row.above_limit:
            alone[row.currency] = alone.get(row.currency, 0) + row.added_minor
    for currency, amount in sorted(alone.items()):
        if amount and await approval_limits.beyond_day(conn, limits, by, currency, amount):
            return -1, moving
    return limits.order_minor, [row for row in moving if row.above_limit]


async def _request_approval(
    conn: Connection,
    services: Services,
    caller: Principal,
    key: str,
    request: BulkResolution,
    above: list[MovingStep],
) -> str | None:
    """The approval that they wait for; None when no approval is needed."""
    if not above:
        return None
    numbers, currencies = [row.order_no for row in above], {row.currency for row in above}
    amounts = [row.amount_minor for row in above]
    currency = currencies.pop() if len(currencies) == 1 else None
    bulk = BulkRequest(request, numbers, [row.park_no for row in above], amounts)
    requested = await approval_requests.open_request(
        conn, services, caller, key, ApprovalRequest(None, request.action, len(numbers), sum(amounts), currency, bulk)
    )
    return requested["approval_id"]


async def open_job(
    conn: Connection,
    services: Services,
    job_id: str,
    request: BulkResolution,
    by: str,
    approved: Agreed | None = None,
    limit_minor: int = 0,
) -> int:
    """Write the job that carries `request` out in the name of `by`; the number of its orders. Without `approved`
    it leaves out orders of which more than `limit_minor` would be given."""
    return await parked_steps.open_job(
        conn,
        services.keys,
        job_id,
        chosen=_chosen(request),
        action=request.action.value,
        actor=by,
        reason=request.reason,
        value=request.value,
        rate_per_s=request.rate_per_s,
        trace=current_traceparent(),
        limit_minor=limit_minor,
        approved=approved,
    )


def _chosen(request: BulkResolution) -> JobFilter:
    step = request.filter.step.value if request.filter.step else None
    return {"step": step, "error": request.filter.error, "provider": request.filter.provider}


def _require_some_step(request: BulkResolution) -> None:
    """A value must fit the step that the filter names; without one, no step takes it. Raises Problem."""
    if request.filter.step is not None:
        if why := check_value(request.filter.step, request.action, request.value):
            raise Problem("invalid_value", why)
    elif request.value or all(
        shape_of(step, request.action) for step in STEPS if request.action in STEPS[step].options
    ):
        raise Problem("invalid_value", "an act with a value needs filter.step: each step has its own shape")


async def stop_job(services: Services, caller: Principal, key: str, job_id: str) -> Reply:
    """End a job before its next order; one that has ended stays as it is. Raises NotFound `job_not_found`."""
    digest = derived_id(caller, job_id, "stop").encode()

    async def work(conn: Connection) -> dict[str, object]:
        await parked_steps.stop_job(conn, job_id, actor(caller))
        return asdict(await parked_steps.progress(conn, job_id))

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def progress(services: Services, job_id: str) -> JobProgress:
    """Raises NotFound `job_not_found`."""
    known = job_number(job_id)
    async with services.database.begin() as conn:
        return await parked_steps.progress(conn, known)


def job_number(typed: str) -> str:
    """Raises NotFound `job_not_found` for what cannot be one."""
    if not _JOB_ID.match(typed):
        raise NotFound("job_not_found")
    return typed


async def newest_jobs(services: Services) -> list[Job]:
    """The newest bulk jobs."""
    async with services.database.begin() as conn:
        return await parked_groups.jobs(conn)


async def job(services: Services, job_id: str) -> tuple[JobDetail, JobProgress]:
    """The bulk job, and how far it is. Raises NotFound `job_not_found`."""
    async with services.database.begin() as conn:
        found = await parked_groups.job(conn, services.keys, job_id)
        if found is None:
            raise NotFound("job_not_found")
        return found, await parked_steps.progress(conn, job_id)
