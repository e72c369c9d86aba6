"""The notes that mention the caller."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from api import pagination
from api.dependencies import Services
from api.idempotency import request_of, run_in_transaction
from api.replies import Reply
from domain.access import Principal
from domain.errors import NotFound
from infra.db.collaboration import mentions, notes
from infra.db.collaboration.mentions import Mention
from infra.db.collaboration.notes import Note
from infra.db.engine import Connection

COUNTED = mentions.MOST


class MentionFields(TypedDict):
    """A note that mentions the caller, as the API answers it."""

    note_id: str
    order_no: str
    author: str
    text: str | None
    created_at: datetime
    edited_at: datetime | None
    mentioned_at: datetime
    seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class NoteForMe:
    """A note that mentions the caller."""

    note: Note
    mentioned_at: datetime
    seen_at: datetime | None

    def as_json(self) -> MentionFields:
        """As the API answers it."""
        return {
            "note_id": self.note.note_id,
            "order_no": self.note.order_no,
            "author": self.note.author,
            "text": self.note.text,
            "created_at": self.note.created_at,
            "edited_at": self.note.edited_at,
            "mentioned_at": self.mentioned_at,
            "seen_at": self.seen_at,
        }


@dataclass(frozen=True, slots=True)
class MentionPage:
    """Notes that mention the caller, newest first, and how many are unread (counted up to 100)."""

    items: Sequence[NoteForMe]
    next_cursor: str | None
    unread: int


async def page(services: Services, caller: Principal, cursor: str | None, limit: int, *, unread: bool) -> MentionPage:
    """A page of them. Raises Problem `invalid_cursor`."""
    after = None
    if cursor is not None:
        at, note_id = pagination.decoded(cursor, str, str)
        after = pagination.moment(at), note_id
    async with services.database.begin() as conn:
        rows = await mentions.page(conn, caller.subject, after, limit, unread=unread)
        items = await _with_notes(conn, services, rows[:limit])
        count = await mentions.unread(conn, caller.subject)
    last = rows[limit - 1] if len(rows) > limit else None
    more = pagination.encoded([last.mentioned_at.isoformat(), last.note_id]) if last else None
    return MentionPage(items, more, count)


async def unread(services: Services, caller: Principal) -> int:
    """How many mentions the caller has not read, counted up to 100."""
    async with services.database.begin() as conn:
        return await mentions.unread(conn, caller.subject)


async def read(services: Services, caller: Principal, key: str, digest: bytes, note_ids: Sequence[str] | None) -> Reply:
    """The caller has read these, or all: {read}."""

    async def work(conn: Connection) -> dict[str, object]:
        return {"read": await mentions.read(conn, caller.subject, note_ids)}

    return await run_in_transaction(services, request_of(caller, key, digest), 200, work)


async def follow(services: Services, caller: Principal, note_id: str) -> str:
    """The order of a note that mentions the caller, who reads it now. Raises NotFound `note_not_found`."""
    async with services.database.begin() as conn:
        found = (await notes.some(conn, services.keys, [note_id])).get(note_id)
        if found is None or caller.subject not in found.mentions:
            raise NotFound("note_not_found")
        await mentions.read(conn, caller.subject, [note_id])
    return found.order_no


async def _with_notes(conn: Connection, services: Services, rows: Sequence[Mention]) -> list[NoteForMe]:
    found = await notes.some(conn, services.keys, [row.note_id for row in rows])
    return [NoteForMe(found[row.note_id], row.mentioned_at, row.seen_at) for row in rows if row.note_id in found]
