"""The audit log: entries of an order or a person, verification, anchors, and who has access."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict

from api import pagination
from api.dependencies import Services
from api.idempotency import WorkflowCall, request_of, run_by_workflow
from api.replies import Reply
from domain.access import Principal
from domain.errors import NotFound
from infra.db.audit import access_review, audit_anchors, audit_log, verification
from infra.db.audit.access_review import Access
from infra.db.audit.audit_anchors import AnchorFields
from infra.db.audit.audit_log import NEWEST, Chain, ChainHead
from infra.db.audit.verification import VerdictFields
from infra.db.engine import Connection
from infra.db.read_models import order_detail

_FAULTS = 200
# Well within the time that an idempotency key is held.
_ANCHORING_S = 8.0


ChainKind: TypeAlias = Chain
AuditEntry = audit_log.AuditEntry
REVIEW_DAYS = access_review.REVIEW_DAYS


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, the newest first, the chain that they belong to, and the cursor of the next page."""

    entries: list[AuditEntry]
    chain: ChainHead
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class AccessPage:
    """Who can act, and the cursor of the next page."""

    items: list[Access]
    next_cursor: str | None


async def read_entries(services: Services, kind: ChainKind, key: str, cursor: str | None, limit: int) -> AuditPage:
    """The entries of an order or a person, with their reasons. Raises Problem `invalid_cursor`."""
    before = pagination.number(cursor) or NEWEST
    async with services.database.begin() as conn:
        return await _page(conn, services, kind, key, before, limit)


async def _page(conn: Connection, services: Services, kind: ChainKind, key: str, before: int, limit: int) -> AuditPage:
    found = await audit_log.entries(conn, services.keys, kind, key, before, limit + 1)
    more = pagination.encoded([found[limit - 1].number]) if len(found) > limit else None
    return AuditPage(found[:limit], await audit_log.chain_of(conn, kind, key), more)


async def entries_of_order(services: Services, order_no: str, cursor: str | None, limit: int) -> AuditPage:
    """The entries of an order that exists. Raises NotFound `order_not_found`, Problem `invalid_cursor`."""
    before = pagination.number(cursor) or NEWEST
    async with services.database.begin() as conn:
        if order_no not in await order_detail.overviews(conn, [order_no]):
            raise NotFound("order_not_found")
        return await _page(conn, services, "order", order_no, before, limit)


async def verify(services: Services, anchors: Sequence[str]) -> VerdictFields:
    """Check every chain and every anchor within the configured time."""
    checked, limit_s = [one.lower() for one in anchors], services.settings.books_check_timeout_s
    return (await verification.verdict_within(services.database, checked, limit_s, _FAULTS)).document


async def review_access(services: Services, cursor: str | None, limit: int) -> AccessPage:
    """A page of everybody who can act. Raises Problem `invalid_cursor`."""
    after = ("", "", "") if cursor is None else pagination.decoded(cursor, str, str, str)
    async with services.database.begin() as conn:
        found = await access_review.review(conn, after, limit + 1)
    last = found[limit - 1] if len(found) > limit else None
    more = pagination.encoded([last.access, last.role, last.name]) if last else None
    return AccessPage(found[:limit], more)


async def review(services: Services) -> list[Access]:
    """Who can act, and who did."""
    async with services.database.begin() as conn:
        return await access_review.review(conn)


async def newest_anchor(services: Services) -> AnchorFields | None:
    """The newest anchor, None before the first."""
    async with services.database.begin() as conn:
        found = await audit_anchors.newest(conn)
    return found.document if found else None


class MadeAnchors(TypedDict):
    """The newest anchor, and whether every entry is covered."""

    anchor: AnchorFields | None
    complete: bool


async def make_anchors(services: Services, caller: Principal, key: str) -> Reply:
    """Make anchors over all entries that have none."""
    request = request_of(caller, key, hashlib.sha256(b"anchor").digest())
    call = WorkflowCall(prepare=_nothing, call=lambda: _make_anchors(services), from_database=_nothing)
    return await run_by_workflow(services, request, 200, call)


async def _nothing(_: Connection) -> None:
    """Nothing is checked before, and the database does not tell what this request made."""


async def _make_anchors(services: Services) -> MadeAnchors:
    """Each anchor is made in a transaction of its own, which nothing else may have written in."""
    until, complete = time.monotonic() + _ANCHORING_S, False
    while not complete and time.monotonic() < until:
        async with services.database.begin() as conn:
            complete = await audit_anchors.make(conn) is None
    return {"anchor": await newest_anchor(services), "complete": complete}
