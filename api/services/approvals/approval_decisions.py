"""Deciding an approval request, and carrying it out in the name of the requester."""

import contextlib
from dataclasses import replace

from api.dependencies import Services, actor, require
from api.errors import Problem
from api.idempotency import WorkflowCall, request_of, run_by_workflow, run_in_transaction
from api.replies import Reply
from api.services.approvals import approved_order_jobs
from api.services.approvals.approval_requests import DECIDED_BY
from api.services.support import bulk_resolution, order_transitions, step_resolution
from domain.access import Principal
from domain.approvals import ApprovalKind, BulkRequest, ManualTransition, OrderJobRequest, RefundRequest, StepResolution
from domain.errors import Conflict
from domain.payments.refunds import RefundStatus
from infra.db import idempotency
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_requests import Approval
from infra.db.engine import Connection
from infra.db.orders.state import timeline
from infra.db.payments import refunds, store_credit
from infra.db.support.parked_steps import Agreed


async def approve(
    services: Services, caller: Principal, key: str, digest: bytes, approval_id: str, words: str
) -> Reply:
    """Approve it and carry it out. Raises Problem `second_person_needed`, `approval_unreadable`,
    `workflow_unavailable` (the same person may approve again); Conflict `approval_decided`,
    `approval_lapsed`, and what the action raises."""
    request = request_of(caller, key, digest)
    async with services.database.begin() as conn:
        found = await approval_requests.find(conn, services.keys, approval_id)
    _require_second(caller, found)
    if (action := found.request) is None:
        raise Problem("approval_unreadable", "what was asked for cannot be read any more")
    if isinstance(action, BulkRequest):
        return await _begin_job(services, caller, request, found, action, words)
    if isinstance(action, OrderJobRequest):
        return await _begin_order_job(services, caller, request, found, action, words)
    if isinstance(action, RefundRequest):
        return await _approve_refund(services, caller, request, found, words)
    call = _decided(services, caller, found, words, _call_of(services, found, action))
    return await run_by_workflow(services, request, 200, call)


async def refuse(services: Services, caller: Principal, key: str, digest: bytes, approval_id: str, words: str) -> Reply:
    """Refuse it; the requester withdraws it in this way. Raises Conflict `approval_decided`, `approval_lapsed`."""

    async def work(conn: Connection) -> dict[str, object]:
        found = await approval_requests.find(conn, services.keys, approval_id)
        _require_second(caller, found)
        if found.kind is ApprovalKind.REFUND:
            await timeline.lock_order(conn, found.order_no or "")
        await approval_requests.decide(conn, services.keys, approval_id, "refused", actor(caller), words)
        if found.kind is ApprovalKind.REFUND:
            refund_id, number = await refunds.find_by_approval(conn, approval_id)
            with contextlib.suppress(Conflict):  # a cancellation came first: there is nothing left to refuse
                await refunds.decided(conn, number, refund_id, RefundStatus.REFUSED, actor(caller))
        return {"approval_id": approval_id, "decision": "refused"}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


def _require_second(caller: Principal, found: Approval) -> None:
    """The database would refuse it, too: one person is one name, whatever the role."""
    require(caller, *DECIDED_BY)
    if found.requested_by(caller.subject):
        raise Problem("second_person_needed", "the person who asked cannot decide: another person must")


def _call_of(services: Services, found: Approval, action: StepResolution | ManualTransition) -> WorkflowCall:
    """What was asked for, under an id that the approval gives: carried out once, however often it is approved."""
    act_id, number = found.approval_id.removeprefix("apr_"), found.order_no or ""
    if isinstance(action, ManualTransition):
        return order_transitions.adjusting(services, f"act_{act_id}", number, action, found.asked_by, found)
    agreed = step_resolution.AgreedStep(found.approval_id, found.park_no, found.amount_minor)
    return step_resolution.resolving(services, f"res_{act_id}", number, action, found.asked_by, agreed=agreed)


def _decided(services: Services, caller: Principal, found: Approval, words: str, call: WorkflowCall) -> WorkflowCall:
    """The action, preceded by the decision in the same transaction and followed by the note that it is done."""

    async def prepare(conn: Connection) -> None:
        await approval_requests.decide(conn, services.keys, found.approval_id, "approved", actor(caller), words)
        await call.prepare(conn)

    async def settle(conn: Connection) -> None:
        await approval_requests.done(conn, found.approval_id)

    return replace(call, prepare=prepare, settle=settle)


async def _begin_job(
    services: Services,
    caller: Principal,
    request: idempotency.Request,
    found: Approval,
    action: BulkRequest,
    words: str,
) -> Reply:
    async def work(conn: Connection) -> dict[str, object]:
        await approval_requests.decide(conn, services.keys, found.approval_id, "approved", actor(caller), words)
        job_id = f"job_{found.approval_id.removeprefix('apr_')}"
        approved = Agreed(found.approval_id, found.asked_at, action.orders, action.parks, action.amounts)
        total = await bulk_resolution.open_job(conn, services, job_id, action.resolution, found.asked_by, approved)
        await approval_requests.done(conn, found.approval_id)
        return {"job_id": job_id, "total": total}

    return await run_in_transaction(services, request, 200, work)


async def _begin_order_job(
    services: Services,
    caller: Principal,
    request: idempotency.Request,
    found: Approval,
    action: OrderJobRequest,
    words: str,
) -> Reply:
    """Raises Conflict `amount_differs`."""

    async def work(conn: Connection) -> dict[str, object]:
        await approval_requests.decide(conn, services.keys, found.approval_id, "approved", actor(caller), words)
        job_id = await approved_order_jobs.open_approved(conn, services, found.approval_id, found.asked_by, action)
        await approval_requests.done(conn, found.approval_id)
        return {"job_id": job_id, "total": len(action.orders)}

    return await run_in_transaction(services, request, 200, work)


async def _approve_refund(
    services: Services, caller: Principal, request: idempotency.Request, found: Approval, words: str
) -> Reply:
    """It is decided in the database; the order's workflow pays it, store credit is available at once. Raises Conflict
    `refund_closed`."""

    async def work(conn: Connection) -> dict[str, object]:
        await timeline.lock_order(conn, found.order_no or "")
        await approval_requests.decide(conn, services.keys, found.approval_id, "approved", actor(caller), words)
        refund_id, number = await refunds.find_by_approval(conn, found.approval_id)
        status = RefundStatus.APPROVED
        await refunds.decided(conn, number, refund_id, status, actor(caller))
        if found.action == approval_requests.AS_CREDIT:
            await store_credit.pay_with_credit(conn, number, refund_id, found.asked_by)
            status = RefundStatus.SUCCEEDED
        await approval_requests.done(conn, found.approval_id)
        return {"refund_id": refund_id, "order_no": number, "status": status}

    return await run_in_transaction(services, request, 200, work)
