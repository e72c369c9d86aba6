"""Who is mentioned in notes, and has not read them yet."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.collaboration import MAX_MENTIONS, mentioned
from domain.errors import RuleBroken

_KNOWN = text("SELECT name FROM staff WHERE name = ANY(CAST(:names AS text[])) AND active ORDER BY name")
_ADD = text(
    """
    INSERT INTO order_note_mentions (name, note_id) SELECT unnest(CAST(:names AS text[])), CAST(:note_id AS text)
    ON CONFLICT DO NOTHING
    """
)
_DROP_OTHERS = text("DELETE FROM order_note_mentions WHERE note_id = :note_id AND name <> ALL(CAST(:names AS text[]))")
_PAGE = text(
    """
    SELECT m.note_id, m.mentioned_at, m.seen_at FROM order_note_mentions m
     WHERE m.name = :name AND (NOT CAST(:unread AS boolean) OR m.seen_at IS NULL)
       AND (CAST(:at AS timestamptz) IS NULL OR (m.mentioned_at, m.note_id) < (CAST(:at AS timestamptz), :note_id))
     ORDER BY m.mentioned_at DESC, m.note_id DESC LIMIT :limit + 1
    """
)
_UNREAD = text(
    "SELECT count(*) FROM (SELECT FROM order_note_mentions WHERE name = :name AND seen_at IS NULL LIMIT :most) f"
)
_READ = text(
    """
    UPDATE order_note_mentions SET seen_at = now()
     WHERE name = :name AND seen_at IS NULL
       AND (CAST(:note_ids AS text[]) IS NULL OR note_id = ANY(CAST(:note_ids AS text[])))
    """
)
MOST = 100


@dataclass(frozen=True, slots=True)
class Mention:
    """That somebody is mentioned in a note."""

    note_id: str
    mentioned_at: datetime
    seen_at: datetime | None


async def replace(conn: AsyncConnection, note_id: str, words: str, actor: str) -> None:
    """Whom the text mentions now: active members of staff but its author. Raises RuleBroken `too_many_mentions`."""
    possible = [name for name in mentioned(words) if name != actor.partition(":")[2]]
    names = list((await conn.execute(_KNOWN, {"names": possible})).scalars()) if possible else []
    if len(names) > MAX_MENTIONS:
        raise RuleBroken("too_many_mentions")
    await conn.execute(_DROP_OTHERS, {"note_id": note_id, "names": names})
    if names:
        await conn.execute(_ADD, {"note_id": note_id, "names": names})


async def drop(conn: AsyncConnection, note_id: str) -> None:
    """Nobody is mentioned any more."""
    await conn.execute(_DROP_OTHERS, {"note_id": note_id, "names": []})


async def page(
    conn: AsyncConnection, name: str, after: tuple[datetime, str] | None, limit: int, *, unread: bool
) -> list[Mention]:
    """At most `limit` + 1 mentions of this person, newest first."""
    at, note_id = after or (None, "")
    rows = await conn.execute(_PAGE, {"name": name, "at": at, "note_id": note_id, "limit": limit, "unread": unread})
    return [Mention(**row._mapping) for row in rows]


async def unread(conn: AsyncConnection, name: str) -> int:
    """How many mentions this person has not read, counted up to MOST."""
    return int((await conn.execute(_UNREAD, {"name": name, "most": MOST})).scalar_one())


async def read(conn: AsyncConnection, name: str, note_ids: Sequence[str] | None) -> int:
    """This person has read these mentions, or all; answers with the number of those that were unread."""
    return (
        await conn.execute(_READ, {"name": name, "note_ids": None if note_ids is None else list(note_ids)})
    ).rowcount
