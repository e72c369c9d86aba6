"""The audit log for programs: an order's entries, or a person's."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import paging
from api.dependencies import Caller, json_response, order_number, require, services
from api.documentation import problems
from api.errors import Problem
from api.schemas.text import Name, Reference
from domain.access import Role
from domain.errors import NotFound
from infra.db import audit_trail, order_reading
from infra.db.audit_trail import NEWEST, Chain
from infra.telemetry import bind_order

router = APIRouter(prefix="/v1/audit", tags=["audit"])

# Why somebody acted may be a person's words: it is shown in the console, to those who may read it.
_SEALED = frozenset({"why", "kept"})


@router.get("", responses=problems())
async def entries(
    request: Request,
    caller: Caller,
    order_no: Reference | None = None,
    actor: Name | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Who did what, from what to what, where from and when, newest first; `chain` is the count and the newest hash.

    Name `order_no` or `actor` (`role:name`). `reference` says where the rest is kept; reasons are not sent.
    """
    parts = services(request)
    require(caller, Role.OPERATIONS)
    if (order_no is None) == (actor is None):
        raise Problem("audit_subject_needed", "name an order_no or an actor, and not both")
    kind: Chain = "actor" if order_no is None else "order"
    key = actor or order_number(order_no or "")
    before = paging.number(cursor) or NEWEST
    async with parts.database.begin() as conn:
        if kind == "order":
            bind_order(key)
            if key not in await order_reading.glances(conn, [key]):
                raise NotFound("order_not_found")
        found = await audit_trail.entries(conn, parts.keys, kind, key, before, limit + 1)
        chain = await audit_trail.chain_of(conn, kind, key)
    items = [_shown(entry) for entry in found[:limit]]
    more = paging.encoded([items[-1]["number"]]) if len(found) > limit else None
    return json_response({"items": items, "next_cursor": more, "chain": chain})


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _SEALED}
