"""The audit log for programs: an order's entries, or a person's; is it whole, its anchors, who can act."""

import hashlib
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import pagination
from api.dependencies import Caller, actor, idempotency_key, json_response, order_number, require, services
from api.errors import Problem
from api.exclusive import alone
from api.idempotency import WorkflowCall, by_workflow
from api.openapi import keyed, problems
from api.responses import response_of
from api.schemas.audit import AccessPage, Anchored, AuditVerdict, Hash, NewestAnchor
from api.schemas.fields import Name, Reference
from domain.access import Role
from domain.errors import NotFound
from infra.db.audit import access_review, audit_anchors, audit_log, verification
from infra.db.audit.audit_log import NEWEST, Chain
from infra.db.engine import Database
from infra.db.idempotency import Request as Asked
from infra.db.read_models import order_detail
from infra.observability.telemetry import bind_order

router = APIRouter(prefix="/v1/audit", tags=["audit"])

# Why somebody acted may be a person's words: it is shown in the console, to those who may read it.
_SEALED = frozenset({"why", "kept"})
_FAULTS = 200
# Well within the time that an idempotency key is held.
_ANCHORING_S = 8.0


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
    before = pagination.number(cursor) or NEWEST
    async with parts.database.begin() as conn:
        if kind == "order":
            bind_order(key)
            if key not in await order_detail.glances(conn, [key]):
                raise NotFound("order_not_found")
        found = await audit_log.entries(conn, parts.keys, kind, key, before, limit + 1)
        chain = await audit_log.chain_of(conn, kind, key)
    items = [_shown(entry) for entry in found[:limit]]
    more = pagination.encoded([items[-1]["number"]]) if len(found) > limit else None
    return json_response({"items": items, "next_cursor": more, "chain": chain})


def _shown(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _SEALED}


@router.get("/verify", response_model=AuditVerdict, responses=problems())
async def verify(
    request: Request, caller: Caller, anchor: Annotated[list[Hash] | None, Query(max_length=100)] = None
) -> Response:
    """Walk every chain and every anchor: `ok` when the log is whole. Each `anchor` is a hash that must be in the chain.

    `faults` are the first 200 of `fault_count`. The call takes `OMS_BOOKS_CHECK_TIMEOUT_S` at most; where that does not
    reach to the end, `complete` is false, and so is `ok`. One walk at a time; 503 `busy` while another runs.
    """
    parts = services(request)
    require(caller, Role.OPERATIONS, Role.ADMIN)
    kept = [one.lower() for one in anchor or ()]
    async with alone(request):
        limit_s = parts.settings.books_check_timeout_s
        found = await verification.verdict_within(parts.database, kept, limit_s, _FAULTS)
    return json_response(found.document)


@router.get("/access", response_model=AccessPage, responses=problems())
async def access(
    request: Request, caller: Caller, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: str | None = None
) -> Response:
    """The access review: who can act, in which role, and how often they did in the last 90 days.

    `access` is active, removed, or token: acted with a bearer token and is no member of staff.
    """
    require(caller, Role.OPERATIONS, Role.ADMIN)
    after = ("", "", "") if cursor is None else pagination.decoded(cursor, str, str, str)
    async with services(request).database.begin() as conn:
        found = await access_review.review(conn, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    more = pagination.encoded([last["access"], last["role"], last["name"]]) if last else None
    return json_response({"items": found[:limit], "next_cursor": more})


@router.get("/anchors/newest", response_model=NewestAnchor, responses=problems())
async def newest_anchor(request: Request, caller: Caller) -> Response:
    """The newest anchor, null before the first; keep its `line` where nobody who can write the database can reach."""
    require(caller, Role.OPERATIONS, Role.ADMIN)
    return json_response({"anchor": await _newest(services(request).database)})


@router.post("/anchors", response_model=Anchored, openapi_extra=keyed(), responses=problems())
async def anchor(request: Request, caller: Caller) -> Response:
    """Make anchors over all entries that have none, and give the newest; null when the log is empty.

    Not `complete`: there is more than one call makes; call again with another Idempotency-Key.
    """
    parts = services(request)
    require(caller, Role.ADMIN)
    asked = Asked(actor(caller), idempotency_key(request), hashlib.sha256(b"anchor").digest(), caller.origin)
    call = WorkflowCall(prepare=_nothing, ask=lambda: _anchored(parts.database), from_books=_nothing)
    return response_of(await by_workflow(parts, asked, 200, call))


async def _nothing(_: AsyncConnection) -> None:
    """Nothing to check before, nothing in the books that answers."""


async def _anchored(database: Database) -> dict[str, Any]:
    """Each anchor is made in a transaction of its own, which nothing else may have written in."""
    until, complete = time.monotonic() + _ANCHORING_S, False
    while not complete and time.monotonic() < until:
        async with database.begin() as conn:
            complete = await audit_anchors.make(conn) is None
    return {"anchor": await _newest(database), "complete": complete}


async def _newest(database: Database) -> dict[str, Any] | None:
    async with database.begin() as conn:
        found = await audit_anchors.newest(conn)
    return found.document if found else None
