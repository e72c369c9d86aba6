"""A second person decides; and adjusting an order's status by hand."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from api import pagination
from api.authorization import visible
from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.support.manual_transitions import Adjust, Decide
from api.services.approvals import approval_decisions
from api.services.approvals.approval_requests import DECIDED_BY
from api.services.support import order_transitions
from domain.access import Role
from domain.errors import NotFound
from infra.db.approvals import approval_requests
from infra.db.approvals.approval_requests import Approval

router = APIRouter(prefix="/v1/support", tags=["support"])

_APPROVAL_ID = re.compile(r"^apr_[0-9a-f]{32}$")


@router.post("/orders/{order_no}/adjust", openapi_extra=body_of(Adjust), responses=problems(202))
async def adjust(order_no: str, request: Request, caller: Caller) -> Response:
    """Move the order by hand along the transition table; 202 with an approval where money moves."""
    require(caller, Role.SUPPORT)
    parts, key = services(request), idempotency_key(request)
    glance = await visible(parts, caller, order_no)
    parsed = await read(request, Adjust)
    return response_of(await order_transitions.adjust(parts, caller, key, parsed.digest, glance.order_no, parsed.model))


@router.get("/approvals", responses=problems())
async def listed(
    request: Request,
    caller: Caller,
    state: Literal["open", "decided"] = "open",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """What waits for a second person, or was decided; the newest first."""
    require(caller, *DECIDED_BY)
    parts = services(request)
    async with parts.database.begin() as conn:
        found = await approval_requests.listed(
            conn, parts.keys, undecided=state == "open", before=before(cursor), limit=limit
        )
    return json_response({"items": [shown(one) for one in found[:limit]], "next_cursor": following(found, limit)})


@router.post("/approvals/{approval_id}/approve", openapi_extra=body_of(Decide), responses=problems())
async def approve(approval_id: str, request: Request, caller: Caller) -> Response:
    """Say yes, and do it; never who asked."""
    require(caller, *DECIDED_BY)
    key, parsed = idempotency_key(request), await read(request, Decide)
    number = approval_number(approval_id)
    return response_of(
        await approval_decisions.approve(services(request), caller, key, parsed.digest, number, parsed.model.reason)
    )


@router.post("/approvals/{approval_id}/refuse", openapi_extra=body_of(Decide), responses=problems())
async def refuse(approval_id: str, request: Request, caller: Caller) -> Response:
    """Say no; nothing happens then."""
    require(caller, *DECIDED_BY)
    key, parsed = idempotency_key(request), await read(request, Decide)
    number = approval_number(approval_id)
    return response_of(
        await approval_decisions.refuse(services(request), caller, key, parsed.digest, number, parsed.model.reason)
    )


def approval_number(typed: str) -> str:
    """Raises NotFound `approval_not_found` for what cannot be one."""
    if not _APPROVAL_ID.match(typed):
        raise NotFound("approval_not_found")
    return typed


def shown(found: Approval) -> dict[str, Any]:
    """A request as it is shown: what is asked for, by whom and why, how it was decided."""
    known = asdict(found)
    wish = known.pop("wish")
    body = wish.get("wish", wish)
    known["reason"] = body.get("reason")
    known["value"] = body.get("value")
    return known


def before(cursor: str | None) -> tuple[datetime, str] | None:
    """The last one of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    moment, approval_id = pagination.decoded(cursor, str, str)
    return pagination.moment(moment), approval_id


def following(found: list[Approval], limit: int) -> str | None:
    """The cursor of the next page, if there is one."""
    if len(found) <= limit:
        return None
    return pagination.encoded([found[limit - 1].asked_at.isoformat(), found[limit - 1].approval_id])
