"""Bulk jobs: one action on every parked order of a filter."""

import re
from typing import Any

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.support.parked_steps import BulkResolve
from api.services.approvals import approval_requests
from api.services.approvals.approval_requests import ApprovalRequest
from api.services.support.step_resolution import require_readable
from domain.access import Principal
from domain.errors import NotFound
from domain.support.steps import STEPS, check_value, shape_of
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits
from infra.db.engine import Connection
from infra.db.support import parked_groups, parked_steps
from infra.db.support.parked_steps import Agreed
from infra.observability.telemetry import current_traceparent

_JOB_ID = re.compile(r"^job_[0-9a-f]{32}$")


async def resolve_many(services: Services, caller: Principal, key: str, digest: bytes, wish: BulkResolve) -> Reply:
    """Open a job over all parked orders that the filter finds now. Raises Problem `invalid_text`, `invalid_value`,
    `filter_missing`, `expected_differs`.

    Orders of which more than the limit would be given then are left out: the answer names the approval for which they
    wait.
    """
    require_readable(wish.value)
    if not wish.all and not any(_chosen(wish).values()):
        raise Problem("filter_missing", 'name a step, an error or a provider in filter, or say "all": true')
    _require_some_step(wish)

    async def work(conn: Connection) -> dict[str, Any]:
        limit_minor, dear = await _dear_ones(conn, services, actor(caller), wish)
        answer = await _dear_ones_asked(conn, services, caller, key, wish, dear)
        job_id = f"job_{derived_id(caller, key, 'resolve many')}"
        total = await open_job(conn, services, job_id, wish, actor(caller), limit_minor=limit_minor)
        _require_expected(wish, total + answer.get("waiting", 0))
        return {"job_id": job_id, "total": total, **answer}

    return await run_in_transaction(services, request_of(caller, key, digest), 202, work)


def _require_expected(wish: BulkResolve, found: int) -> None:
    """Raises Problem `expected_differs`, which undoes what the transaction wrote."""
    if wish.expected is not None and wish.expected != found:
        detail = f"{found} orders are stuck so, not {wish.expected}; look at them and send the act again"
        raise Problem("expected_differs", detail, more={"found": found})


async def _dear_ones(
    conn: Connection, services: Services, by: str, wish: BulkResolve
) -> tuple[int, list[dict[str, Any]]]:
    """(what one person may give back for an order in this operation, the orders that would exceed it). If the others
    together exceed the person's daily limit, every order that moves money waits for approval, and the amount is 0."""
    limits = Limits.from_settings(services.settings)
    moving = await parked_steps.moving(conn, wish.action.value, _chosen(wish), limits.order_minor)
    alone: dict[str, int] = {}
    for row in moving:
        if not row["dear"]:
            alone[row["currency"]] = alone.get(row["currency"], 0) + row["added_minor"]
    for currency, amount in sorted(alone.items()):
        if amount and await approval_limits.beyond_day(conn, limits, by, currency, amount):
            return -1, moving
    return limits.order_minor, [row for row in moving if row["dear"]]


async def _dear_ones_asked(
    conn: Connection,
    services: Services,
    caller: Principal,
    key: str,
    wish: BulkResolve,
    dear: list[dict[str, Any]],
) -> dict[str, Any]:
    """{approval_id, waiting}, {} when nobody is asked."""
    if not dear:
        return {}
    numbers, currencies = [row["order_no"] for row in dear], {row["currency"] for row in dear}
    body = {"wish": wish.model_dump(mode="json"), "orders": numbers}
    body |= {"parks": [row["park_no"] for row in dear], "amounts": [row["amount_minor"] for row in dear]}
    amount = sum(row["amount_minor"] for row in dear)
    currency = currencies.pop() if len(currencies) == 1 else None
    asked = await approval_requests.ask(
        conn, services, caller, key, ApprovalRequest("bulk", None, wish.action, len(numbers), amount, currency, body)
    )
    return {"approval_id": asked["approval_id"], "waiting": len(numbers)}


async def open_job(
    conn: Connection,
    services: Services,
    job_id: str,
    wish: BulkResolve,
    by: str,
    approved: Agreed | None = None,
    limit_minor: int = 0,
) -> int:
    """Write the job that does `wish`, in the name of `by`; answers with the number of its orders. Without `approved`
    it leaves out orders of which more than `limit_minor` would be given."""
    return await parked_steps.open_job(
        conn,
        services.keys,
        job_id,
        chosen=_chosen(wish),
        action=wish.action.value,
        actor=by,
        reason=wish.reason,
        value=wish.value,
        rate_per_s=wish.rate_per_s,
        trace=current_traceparent(),
        limit_minor=limit_minor,
        approved=approved,
    )


def _chosen(wish: BulkResolve) -> dict[str, str | None]:
    step = wish.filter.step.value if wish.filter.step else None
    return {"step": step, "error": wish.filter.error, "provider": wish.filter.provider}


def _require_some_step(wish: BulkResolve) -> None:
    """A value must fit the step that the filter names; without one, no step takes it. Raises Problem."""
    if wish.filter.step is not None:
        if why := check_value(wish.filter.step, wish.action, wish.value):
            raise Problem("invalid_value", why)
    elif wish.value or all(shape_of(step, wish.action) for step in STEPS if wish.action in STEPS[step].options):
        raise Problem("invalid_value", "an act with a value needs filter.step: each step has its own shape")


async def stop_job(services: Services, caller: Principal, key: str, job_id: str) -> Reply:
    """End a job before its next order; one that has ended stays as it is. Raises NotFound `job_not_found`."""
    digest = derived_id(caller, job_id, "stop").encode()

    async def work(conn: Connection) -> dict[str, Any]:
        await parked_steps.stop_job(conn, job_id, actor(caller))
        return await parked_steps.progress(conn, job_id)

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def progress(services: Services, job_id: str) -> dict[str, Any]:
    """{state, total, done, failed}. Raises NotFound `job_not_found`."""
    known = job_number(job_id)
    async with services.database.begin() as conn:
        return await parked_steps.progress(conn, known)


def job_number(typed: str) -> str:
    """Raises NotFound `job_not_found` for what cannot be one."""
    if not _JOB_ID.match(typed):
        raise NotFound("job_not_found")
    return typed


async def newest_jobs(services: Services) -> list[dict[str, Any]]:
    """The newest bulk jobs."""
    async with services.database.begin() as conn:
        return await parked_groups.jobs(conn)


async def job(services: Services, job_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The bulk job, and how far it is. Raises NotFound `job_not_found`."""
    async with services.database.begin() as conn:
        found = await parked_groups.job(conn, services.keys, job_id)
        if found is None:
            raise NotFound("job_not_found")
        return found, await parked_steps.progress(conn, job_id)
