"""Feedback of customers: given, listed, answered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from api.schemas.feedback import GiveFeedback
from domain.access import Principal, Role
from domain.feedback import FeedbackKind, FeedbackState
from infra.db.engine import Connection
from infra.db.feedback import feedback
from infra.db.feedback.feedback import (
    Feedback,
    FeedbackAnswered,
    FeedbackFilter,
    FeedbackSummary,
    GivenFeedback,
    NewFeedback,
)
from infra.db.orders.state import timeline

SUBMITTED_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
READ_BY = (Role.SUPPORT, Role.OPERATIONS)


async def submit(
    services: Services, caller: Principal, key: str, digest: bytes, number: str, request: GiveFeedback
) -> Reply:
    """Keep what is said of the order. Raises Conflict `feedback_limit`."""
    feedback_id = f"fbk_{derived_id(caller, key, f'feedback {number}')}"
    new = NewFeedback(feedback_id, number, request.kind, request.rating, request.text or "", actor(caller))

    async def work(conn: Connection) -> GivenFeedback:
        await timeline.lock_order(conn, number)
        return await feedback.submit(conn, services.keys, new)

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def answer(services: Services, caller: Principal, key: str, digest: bytes, feedback_id: str, words: str) -> Reply:
    """Answer it, once. Raises Conflict `feedback_answered`, NotFound `feedback_not_found`."""

    async def work(conn: Connection) -> FeedbackAnswered:
        number = await feedback.order_of(conn, feedback_id)
        await timeline.lock_order(conn, number)
        return await feedback.answer(conn, services.keys, number, feedback_id, words, actor(caller))

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


@dataclass(frozen=True, slots=True)
class FeedbackPage:
    """Feedback on all orders, the newest first; no cursor on the last page."""

    items: Sequence[Feedback]
    next_cursor: str | None


async def list_feedback(
    services: Services,
    *,
    rating: int | None,
    kind: FeedbackKind | None,
    state: FeedbackState | None,
    cursor: str | None,
    limit: int,
) -> FeedbackPage:
    """A page of the feedback that fits. Raises Problem `invalid_cursor`."""
    filters = FeedbackFilter(rating, kind.value if kind else None, state, _after(cursor), limit)
    async with services.database.begin() as conn:
        rows = await feedback.page(conn, services.keys, filters)
    return FeedbackPage(rows[:limit], _next_cursor(rows, limit))


async def of_order(services: Services, order_no: str) -> list[Feedback]:
    """All feedback on one order, the oldest first."""
    async with services.database.begin() as conn:
        return await feedback.of_order(conn, services.keys, order_no)


async def summary(services: Services, days: int) -> FeedbackSummary:
    """Counts by rating, average, complaints and share answered of the last `days`."""
    async with services.database.begin() as conn:
        return await feedback.summary(conn, days)


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    """Time and id of the last feedback of the page before."""
    if cursor is None:
        return None
    given_at, feedback_id = pagination.decoded(cursor, str, str)
    return pagination.moment(given_at), feedback_id


def _next_cursor(rows: Sequence[Feedback], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return pagination.encoded([last.given_at.isoformat(), last.feedback_id])
