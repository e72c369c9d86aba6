"""Workflows whose own code fails: bugs, shown apart from what support can cure; their reset once they are corrected."""

import re
import secrets
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.console.forms import reason_of
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.errors import Problem
from api.services.support import failing_workflows, workflow_operations
from domain.access import Role
from domain.errors import NotFound
from infra.temporal import workflow_resets
from infra.temporal.failing_workflows import FailingWorkflow
from infra.temporal.workflow_resets import BatchState

router = APIRouter(prefix="/console/bugs")

MAX_ROWS = 50
_BATCH_ID = re.compile(r"^rst_[0-9a-f]{32}$")


@router.get("")
async def bugs(request: Request, member: CurrentStaff) -> Response:
    """How many workflows fail by a bug, by cause, and the newest of them, live. Asks Temporal."""
    require(member.principal, Role.SUPPORT, Role.OPERATIONS)
    found = await failing_workflows.overview(services_of(request), MAX_ROWS)
    template = "bugs_live.html" if request.headers.get("x-live") else "bugs.html"
    context: dict[str, Any] = {
        "count": found.count,
        "rows": [_row(workflow) for workflow in found.failing],
        "causes": by_cause(found.failing),
        "batches": found.batches,
        "dead": found.ended,
    }
    return page(request, template, member=member, **context)


def by_cause(found: Sequence[FailingWorkflow]) -> list[dict[str, Any]]:
    """{cause, error, build_id, count}, the largest first; `error` is one of them, in full."""
    groups: dict[tuple[str, str, str], dict[str, Any]] = {}
    for workflow in found:
        key = (workflow.cause, workflow.error_type, workflow.build_id)
        start = {"cause": workflow.cause, "error": workflow.error, "build_id": workflow.build_id, "count": 0}
        groups.setdefault(key, start)["count"] += 1
    return sorted(groups.values(), key=lambda group: -group["count"])


def _row(workflow: FailingWorkflow) -> dict[str, Any]:
    """`order_no` is None for a workflow that is no order's."""
    return {
        "workflow_id": workflow.workflow_id,
        "order_no": failing_workflows.order_number_of(workflow.workflow_id),
        "error": workflow.error,
        "cause": workflow.cause,
        "build_id": workflow.build_id,
        "started_at": workflow.started_at,
    }


@router.post("/reset")
async def reset_all(request: Request, member: CurrentStaff) -> Response:
    """Reset all that fail, as one batch; their number is typed before anything moves."""
    require(member.principal, Role.SUPPORT)
    fields, services = await posted(request, member), services_of(request)
    reason, key = reason_of(fields), fields.get("key", "")
    count = await failing_workflows.confirmed_count(services, member.principal, key)
    count = count or await failing_workflows.count(services)
    if not count:
        raise Problem("nothing_to_reset", "no workflow fails any more")
    if fields.get("count", "").strip() != str(count) or not key:
        again = "count" in fields
        context: dict[str, Any] = {"reason": reason, "count": count, "key": secrets.token_hex(16), "again": again}
        context["rate_per_s"] = workflow_resets.RATE_PER_S
        return page(request, "bugs_confirm.html", status=409 if again else 200, member=member, **context)
    batch_id = await workflow_operations.reset_all(services, member.principal, key, count, reason)
    return RedirectResponse(f"/console/bugs/resets/{batch_id}", 303)


@router.get("/resets/{batch_id}")
async def resets(request: Request, member: CurrentStaff, batch_id: str) -> Response:
    """One batch of resets, live until it is over. Asks Temporal."""
    template = "reset_progress.html" if request.headers.get("x-live") else "reset.html"
    return await _batch(request, member, _known(batch_id), template)


async def _batch(request: Request, member: StaffMember, batch_id: str, template: str) -> Response:
    require(member.principal, Role.SUPPORT, Role.OPERATIONS)
    services = services_of(request)
    batch, found = await workflow_operations.batch(services, batch_id)
    stopped = found.state is BatchState.FAILED and batch.stopped_by
    context: dict[str, Any] = {
        "batch": batch,
        "found": found,
        "state": "stopped" if stopped else found.state.value,
        "total": found.total or batch.total,
        "left": await failing_workflows.count(services),
    }
    return page(request, template, member=member, **context)


@router.post("/resets/{batch_id}/stop")
async def stop(request: Request, member: CurrentStaff, batch_id: str) -> Response:
    """End it before its next workflow."""
    require(member.principal, Role.SUPPORT)
    await posted(request, member)
    await workflow_operations.stop_batch(services_of(request), member.principal, _known(batch_id))
    return RedirectResponse(f"/console/bugs/resets/{batch_id}", 303)


def _known(typed: str) -> str:
    """Raises NotFound `job_not_found` for what cannot be one."""
    if not _BATCH_ID.match(typed):
        raise NotFound("job_not_found")
    return typed
