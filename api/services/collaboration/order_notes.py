"""Notes of staff on an order: written, edited, deleted, listed. Customers and channels never see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from api import pagination
from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from domain.access import Principal, Role, same_person
from domain.collaboration import is_open_to_change
from infra.db.audit import actor_context
from infra.db.collaboration import notes
from infra.db.collaboration.notes import Note, Standing
from infra.db.engine import Connection

__all__ = [
    "Note", "NotePage", "add", "delete", "edit", "may_delete", "may_edit", "page", "position", "read_page",
]  # fmt: skip

OF_PAGE = 50


@dataclass(frozen=True, slots=True)
class NotePage:
    """Notes of an order, the newest first; no cursor on the last page."""

    items: Sequence[Note]
    next_cursor: str | None


async def add(services: Services, caller: Principal, key: str, digest: bytes, order_no: str, words: str) -> Reply:
    """A new note. Raises Conflict `customer_erased`, RuleBroken `too_many_mentions`."""
    note_id = f"note_{derived_id(caller, key, f'note {order_no}')}"

    async def work(conn: Connection) -> Note:
        return await notes.add(conn, services.keys, order_no, note_id, words, actor(caller))

    return await run_in_transaction(services, request_of(caller, key, digest), 201, work)


async def edit(
    services: Services, caller: Principal, key: str, digest: bytes, order_no: str, note_id: str, words: str
) -> Reply:
    """Another text for the caller's own note. Raises Problem `note_not_yours`, `note_fixed`, NotFound
    `note_not_found`, Conflict `customer_erased`."""

    async def work(conn: Connection) -> Note:
        _require_own(services, caller, await notes.standing(conn, order_no, note_id))
        return await notes.edit(conn, services.keys, order_no, note_id, words, actor(caller))

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def delete(services: Services, caller: Principal, order_no: str, note_id: str) -> None:
    """Show a note no more: the caller's own, an admin any. Raises Problem `note_not_yours`, `note_fixed`, NotFound
    `note_not_found`."""
    async with services.database.begin() as conn:
        await actor_context.set_actor(conn, actor(caller), caller.origin)
        found = await notes.standing(conn, order_no, note_id)
        if caller.role is not Role.ADMIN:
            _require_own(services, caller, found)
        await notes.delete(conn, note_id)


async def page(services: Services, order_no: str, cursor: str | None, limit: int) -> NotePage:
    """A page of the order's notes, newest first. Raises Problem `invalid_cursor`."""
    after = position(cursor)
    async with services.database.begin() as conn:
        return await read_page(conn, services, order_no, after, limit)


async def read_page(
    conn: Connection, services: Services, order_no: str, after: tuple[datetime, str] | None, limit: int
) -> NotePage:
    """The page behind a position."""
    rows = await notes.page(conn, services.keys, order_no, after, limit)
    last = rows[limit - 1] if len(rows) > limit else None
    more = pagination.encoded([last.created_at.isoformat(), last.note_id]) if last else None
    return NotePage(rows[:limit], more)


def position(cursor: str | None) -> tuple[datetime, str] | None:
    """The last note of the page before. Raises Problem `invalid_cursor`."""
    if cursor is None:
        return None
    created_at, note_id = pagination.decoded(cursor, str, str)
    return pagination.moment(created_at), note_id


def may_edit(services: Services, caller: Principal, note: Note) -> bool:
    """Whether the caller may still edit this note."""
    return _is_own(caller, note.author) and _is_open(services, note.created_at)


def may_delete(services: Services, caller: Principal, note: Note) -> bool:
    """Whether the caller may still delete this note."""
    return caller.role is Role.ADMIN or may_edit(services, caller, note)


def _require_own(services: Services, caller: Principal, found: Standing) -> None:
    if not _is_own(caller, found.author):
        raise Problem("note_not_yours")
    if not _is_open(services, found.created_at):
        raise Problem("note_fixed")


def _is_own(caller: Principal, author: str) -> bool:
    return same_person(author.partition(":")[2], caller.subject)


def _is_open(services: Services, created_at: datetime) -> bool:
    return is_open_to_change(created_at, datetime.now(UTC), services.settings.note_change_s)
