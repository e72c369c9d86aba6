"""The audit log: entries of an order or a person, verification, anchors, and who has access."""

import hashlib
import time
from collections.abc import Sequence
from typing import Any

from api import pagination
from api.dependencies import Services
from api.idempotency import WorkflowCall, request_of, run_by_workflow
from api.replies import Reply
from domain.access import Principal
from domain.errors import NotFound
from infra.db.audit import access_review, audit_anchors, audit_log, verification
from infra.db.audit.audit_log import NEWEST, Chain
from infra.db.engine import Connection, Database
from infra.db.read_models import order_detail

# Reasons are personal text: the console shows them to those who may read them.
_NOT_SENT = frozenset({"why", "kept"})
_FAULTS = 200
# Well within the time that an idempotency key is held.
_ANCHORING_S = 8.0


async def list_entries(services: Services, kind: Chain, key: str, cursor: str | None, limit: int) -> dict[str, Any]:
    """{items, next_cursor, chain}, newest first. Raises NotFound `order_not_found`, Problem `invalid_cursor`."""
    before = pagination.number(cursor) or NEWEST
    async with services.database.begin() as conn:
        if kind == "order" and key not in await order_detail.overviews(conn, [key]):
            raise NotFound("order_not_found")
        found = await audit_log.entries(conn, services.keys, kind, key, before, limit + 1)
        chain = await audit_log.chain_of(conn, kind, key)
    items = [_sent(entry) for entry in found[:limit]]
    more = pagination.encoded([items[-1]["number"]]) if len(found) > limit else None
    return {"items": items, "next_cursor": more, "chain": chain}


def _sent(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _NOT_SENT}


async def verify(services: Services, anchors: Sequence[str]) -> dict[str, Any]:
    """Check every chain and every anchor within the configured time."""
    kept, limit_s = [one.lower() for one in anchors], services.settings.books_check_timeout_s
    return (await verification.verdict_within(services.database, kept, limit_s, _FAULTS)).document


async def review_access(services: Services, cursor: str | None, limit: int) -> dict[str, Any]:
    """{items, next_cursor} of everybody who can act. Raises Problem `invalid_cursor`."""
    after = ("", "", "") if cursor is None else pagination.decoded(cursor, str, str, str)
    async with services.database.begin() as conn:
        found = await access_review.review(conn, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    more = pagination.encoded([last["access"], last["role"], last["name"]]) if last else None
    return {"items": found[:limit], "next_cursor": more}


async def review(services: Services) -> list[dict[str, Any]]:
    """Who can act, and who did."""
    async with services.database.begin() as conn:
        return await access_review.review(conn)


async def newest_anchor(database: Database) -> dict[str, Any] | None:
    """The newest anchor, None before the first."""
    async with database.begin() as conn:
        found = await audit_anchors.newest(conn)
    return found.document if found else None


async def make_anchors(services: Services, caller: Principal, key: str) -> Reply:
    """Make anchors over all entries that have none: {anchor, complete}."""
    request = request_of(caller, key, hashlib.sha256(b"anchor").digest())
    call = WorkflowCall(prepare=_nothing, ask=lambda: _make_anchors(services.database), from_books=_nothing)
    return await run_by_workflow(services, request, 200, call)


async def _nothing(_: Connection) -> None:
    """Nothing is checked before, and the database does not tell what this request made."""


async def _make_anchors(database: Database) -> dict[str, Any]:
    """Each anchor is made in a transaction of its own, which nothing else may have written in."""
    until, complete = time.monotonic() + _ANCHORING_S, False
    while not complete and time.monotonic() < until:
        async with database.begin() as conn:
            complete = await audit_anchors.make(conn) is None
    return {"anchor": await newest_anchor(database), "complete": complete}
