"""Approvals: what waits for an approver, and the decision."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.presenters.approvals import presented
from api.schemas.approvals import ApprovalList, ApprovedRefund, Decide, RefusedApproval
from api.schemas.support.bulk_jobs import OpenedJob
from api.schemas.support.parked_steps import ResolvedStep
from api.services.approvals import approval_decisions, approval_queries
from api.services.approvals.approval_requests import DECIDED_BY

router = APIRouter(prefix="/v1/support/approvals", tags=["support"])


@router.get("", **operation("list_approvals", Answer(200, ApprovalList)))
async def list_approvals(
    request: Request,
    caller: Caller,
    state: Literal["open", "decided"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Requests that wait for an approver, or that were decided; the newest first."""
    require(caller, *DECIDED_BY)
    services, undecided = services_of(request), state == "open"
    found = await approval_queries.list_approvals(services, undecided=undecided, cursor=cursor, limit=limit)
    return json_response({"items": [presented(one) for one in found.items], "next_cursor": found.next_cursor})


@router.post(
    "/{approval_id}/approve",
    **operation("approve_request", Answer(200, ResolvedStep | OpenedJob | ApprovedRefund), body=Decide),
)
async def approve(approval_id: str, request: Request, caller: Caller) -> Response:
    """Approve the request and carry it out; refused to whoever asked.

    The answer is that of the action: a resolved step, a manual transition (as a resolved step), a bulk job or a refund.
    """
    require(caller, *DECIDED_BY)
    key, parsed = idempotency_key(request), await read(request, Decide)
    number = approval_queries.approval_number(approval_id)
    return response_of(
        await approval_decisions.approve(services_of(request), caller, key, parsed.digest, number, parsed.model.reason)
    )


@router.post("/{approval_id}/refuse", **operation("refuse_request", Answer(200, RefusedApproval), body=Decide))
async def refuse(approval_id: str, request: Request, caller: Caller) -> Response:
    """Refuse the request; nothing is carried out."""
    require(caller, *DECIDED_BY)
    key, parsed = idempotency_key(request), await read(request, Decide)
    number = approval_queries.approval_number(approval_id)
    return response_of(
        await approval_decisions.refuse(services_of(request), caller, key, parsed.digest, number, parsed.model.reason)
    )
