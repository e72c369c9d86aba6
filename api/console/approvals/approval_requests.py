"""Approvals: what waits for an approver, and the decision."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import CurrentStaff, posted
from api.dependencies import require, services_of
from api.pages.notices import acknowledged
from api.replies import Reply
from api.schemas.approvals import Decide
from api.services.approvals import approval_decisions, approval_list, approval_queries
from api.services.approvals.approval_requests import DECIDED_BY, approval_of
from api.services.approvals.approved_order_jobs import job_approved_by
from domain.access import Role
from domain.approvals import OrderJobRequest

router = APIRouter(prefix="/console")

PAGE_SIZE = 50


@router.get("/approvals")
async def listed(
    request: Request,
    member: CurrentStaff,
    state: Literal["open", "decided"] = "open",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """Requests and counts that wait for another person, or that were decided; the newest first. The warehouse sees
    counts alone."""
    require(member.principal, *DECIDED_BY, Role.WAREHOUSE)
    found = await approval_list.listed(
        services_of(request),
        undecided=state == "open",
        cursor=cursor or None,
        limit=PAGE_SIZE,
        requests=member.may(*DECIDED_BY),
    )
    return page(request, "approvals.html", member=member, rows=found.items, next=found.next_cursor, state=state)


@router.get("/approvals/{approval_id}")
async def one(request: Request, member: CurrentStaff, approval_id: str) -> Response:
    """One request, whole, and the forms to decide it."""
    require(member.principal, *DECIDED_BY)
    found = await approval_queries.find_approval(services_of(request), approval_id)
    number = found.approval_id
    open_ = found.decision is None and not found.lapsed
    mine = found.requested_by(member.name)
    context: dict[str, Any] = {"found": found, "open": open_, "mine": mine}
    context["order_job"] = job_approved_by(number) if isinstance(found.request, OrderJobRequest) else ""
    return page(request, "approval.html", member=member, key=new_key(), **context)


@router.post("/approvals/{approval_id}/{verb}")
async def decide(
    request: Request, member: CurrentStaff, approval_id: str, verb: Literal["approve", "refuse"]
) -> Response:
    """Approve the request and carry it out; or refuse it."""
    require(member.principal, *DECIDED_BY)
    services, fields = services_of(request), await posted(request, member)
    number = approval_queries.approval_number(approval_id)
    decision = fitting(Decide, {"reason": fields.get("reason", "")})
    decide_request = approval_decisions.approve if verb == "approve" else approval_decisions.refuse
    await decide_request(
        services, member.principal, f"{key_of(fields)}{verb}", digest(decision), number, decision.reason
    )
    return RedirectResponse(f"/console/approvals/{number}", 303)


def after_action(request: Request, answer: Reply, done: str, words: str, **values: str) -> Response:
    """To the order, which says that it is done, or to the request that waits for an approver."""
    if waits_for := approval_of(answer):
        return acknowledged(request, f"/console/approvals/{waits_for}", "done.approval")
    return acknowledged(request, done, words, **values)
