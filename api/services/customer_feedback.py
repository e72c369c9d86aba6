"""Giving and answering feedback: what the HTTP calls and the console's forms both do."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.dependencies import Services, actor, derived_id
from api.idempotency import in_books
from api.replies import Reply
from api.schemas.feedback import GiveFeedback
from domain.access import Principal, Role
from infra.db import idempotency
from infra.db.feedback import feedback
from infra.db.feedback.feedback import NewFeedback
from infra.db.orders import timeline

GIVEN_BY = (Role.CUSTOMER, Role.CHANNEL, Role.SUPPORT)
READ_BY = (Role.SUPPORT, Role.OPERATIONS)


async def give(parts: Services, caller: Principal, key: str, digest: bytes, number: str, wish: GiveFeedback) -> Reply:
    """Keep what is said of the order. Raises Conflict `feedback_limit`."""
    feedback_id = f"fbk_{derived_id(caller, key, f'feedback {number}')}"
    new = NewFeedback(feedback_id, number, wish.kind, wish.rating, wish.text or "", actor(caller))

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        await timeline.lock_order(conn, number)
        return await feedback.give(conn, parts.keys, new)

    return await in_books(parts, idempotency.Request(actor(caller), key, digest, caller.origin), 201, work)


async def answer(parts: Services, caller: Principal, key: str, digest: bytes, feedback_id: str, words: str) -> Reply:
    """Answer it, once. Raises Conflict `feedback_answered`, NotFound `feedback_not_found`."""

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        number = await feedback.order_of(conn, feedback_id)
        await timeline.lock_order(conn, number)
        return await feedback.answer(conn, parts.keys, number, feedback_id, words, actor(caller))

    return await in_books(parts, idempotency.Request(actor(caller), key, digest, caller.origin), 201, work)
