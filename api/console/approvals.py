"""What waits for a second person, and moving an order by hand."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.authorization import visible
from api.console.forms import digest, fitting, key_of, new_key
from api.console.rendering import page
from api.console.session import Signed, posted
from api.dependencies import require, services
from api.replies import Reply
from api.routes.approvals import approval_number, before, following, shown
from api.schemas.support.manual_transitions import Adjust, Decide
from api.services.approvals import approval_decisions
from api.services.approvals.approval_requests import DECIDED_BY
from api.services.support import order_transitions
from domain.access import Role
from domain.support.manual_transitions import ADJUSTMENTS, adjustments
from infra.db.approvals import approval_requests
from infra.db.support import manual_transitions

router = APIRouter(prefix="/console")

PAGE_SIZE = 50


@router.get("/approvals")
async def listed(
    request: Request,
    person: Signed,
    state: Literal["open", "decided"] = "open",
    cursor: Annotated[str, Query(max_length=300)] = "",
) -> Response:
    """What waits for a second person, or was decided; the newest first."""
    require(person.principal, *DECIDED_BY)
    parts, after = services(request), before(cursor or None)
    async with parts.database.begin() as conn:
        found = await approval_requests.listed(
            conn, parts.keys, undecided=state == "open", before=after, limit=PAGE_SIZE
        )
    rows, more = [shown(one) for one in found[:PAGE_SIZE]], following(found, PAGE_SIZE)
    return page(request, "approvals.html", member=person, rows=rows, next=more, state=state)


@router.get("/approvals/{approval_id}")
async def one(request: Request, person: Signed, approval_id: str) -> Response:
    """One request, whole, and the forms to decide it."""
    require(person.principal, *DECIDED_BY)
    parts = services(request)
    async with parts.database.begin() as conn:
        found = await approval_requests.find(conn, parts.keys, approval_number(approval_id))
    open_ = found.decision is None and not found.lapsed
    mine = found.asked_by_person(person.name)
    context: dict[str, Any] = {"found": shown(found), "open": open_, "mine": mine}
    return page(request, "approval.html", member=person, key=new_key(), **context)


@router.post("/approvals/{approval_id}/{verb}")
async def decide(request: Request, person: Signed, approval_id: str, verb: Literal["approve", "refuse"]) -> Response:
    """Say yes, and do it; or no."""
    require(person.principal, *DECIDED_BY)
    parts, fields = services(request), await posted(request, person)
    number = approval_number(approval_id)
    wish = fitting(Decide, {"reason": fields.get("reason", "")})
    act = approval_decisions.approve if verb == "approve" else approval_decisions.refuse
    await act(parts, person.principal, f"{key_of(fields)}{verb}", digest(wish), number, wish.reason)
    return RedirectResponse(f"/console/approvals/{number}", 303)


@router.get("/orders/{order_no}/adjust")
async def adjust_form(request: Request, person: Signed, order_no: str) -> Response:
    """What may be said to have happened, and what each would mean."""
    require(person.principal, Role.SUPPORT)
    parts = services(request)
    glance = await visible(parts, person.principal, order_no)
    async with parts.database.begin() as conn:
        here = await manual_transitions.standing(conn, glance.order_no)
    possible = adjustments(here.status, cancelling=here.cancelling, parked=here.parked, held=here.held)
    acts = [(event, target, ADJUSTMENTS[event]) for event, target in possible.items()]
    context: dict[str, Any] = {"order_no": glance.order_no, "here": here, "acts": acts, "key": new_key()}
    return page(request, "order_adjust.html", member=person, **context)


@router.post("/orders/{order_no}/adjust")
async def adjust(request: Request, person: Signed, order_no: str) -> Response:
    """Move the order by hand."""
    require(person.principal, Role.SUPPORT)
    parts, fields = services(request), await posted(request, person)
    glance = await visible(parts, person.principal, order_no)
    value = {name.removeprefix("value."): text for name, text in fields.items() if name.startswith("value.")}
    body = {"event": fields.get("event", ""), "value": value or None, "reason": fields.get("reason", "")}
    wish = fitting(Adjust, body)
    answer = await order_transitions.adjust(
        parts, person.principal, key_of(fields), digest(wish), glance.order_no, wish
    )
    return after_act(answer, f"/console/orders/{glance.order_no}")


def after_act(answer: Reply, done: str) -> Response:
    """To the order, or to the request that waits for a second person."""
    waits = answer.content.get("approval_id")
    return RedirectResponse(f"/console/approvals/{waits}" if waits else done, 303)
