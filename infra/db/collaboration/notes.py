"""Notes of staff on an order, sealed under its customer's key: every version is kept, the newest is shown."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict, NotFound
from infra.db.collaboration import mentions
from infra.db.customers.profiles import KeyRing, data_key_of

_ADD = text("INSERT INTO order_notes (note_id, order_no, author) VALUES (:note_id, :order_no, :author)")
_WRITE = text(
    """
    INSERT INTO order_note_versions (note_id, version, text_enc, written_by)
    SELECT CAST(:note_id AS text), coalesce(max(version), 0) + 1, CAST(:text_enc AS bytea), CAST(:actor AS text)
      FROM order_note_versions WHERE note_id = :note_id
    """
)
_NEXT = text("SELECT coalesce(max(version), 0) + 1 FROM order_note_versions WHERE note_id = :note_id")
_LOCK = text(
    """
    SELECT author, created_at, deleted_at FROM order_notes
     WHERE note_id = :note_id AND order_no = :order_no FOR UPDATE
    """
)
_DELETE = text("UPDATE order_notes SET deleted_at = now() WHERE note_id = :note_id")
_ROWS = """
    SELECT n.note_id, n.order_no, n.author, n.created_at, v.version, v.text_enc, v.written_at, c.data_key,
           ARRAY(SELECT m.name FROM order_note_mentions m WHERE m.note_id = n.note_id ORDER BY m.name) AS mentions
      FROM order_notes n
      JOIN LATERAL (SELECT * FROM order_note_versions w WHERE w.note_id = n.note_id ORDER BY w.version DESC LIMIT 1) v
        ON true
      JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
     WHERE n.deleted_at IS NULL
"""
_ONE = text(f"{_ROWS} AND n.note_id = :note_id")
_SOME = text(f"{_ROWS} AND n.note_id = ANY(CAST(:note_ids AS text[]))")
_PAGE = text(
    f"""
    {_ROWS}
       AND n.order_no = :order_no
       AND (CAST(:created_at AS timestamptz) IS NULL
            OR (n.created_at, n.note_id) < (CAST(:created_at AS timestamptz), :note_id))
     ORDER BY n.created_at DESC, n.note_id DESC LIMIT :limit + 1
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A note as it stands. `text` is None where the customer's key is gone; `edited_at` where it was never edited."""

    note_id: str
    order_no: str
    author: str
    created_at: datetime
    edited_at: datetime | None
    mentions: list[str]
    text: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides who may still change a note."""

    author: str
    created_at: datetime


async def add(conn: AsyncConnection, keys: KeyRing, order_no: str, note_id: str, words: str, actor: str) -> Note:
    """A new note; whom it mentions gets a notice. Raises Conflict `customer_erased`, NotFound `order_not_found`."""
    sealed = await _sealed(conn, keys, order_no, note_id, words)
    await conn.execute(_ADD, {"note_id": note_id, "order_no": order_no, "author": actor})
    return await _write(conn, keys, note_id, sealed, words, actor)


async def edit(conn: AsyncConnection, keys: KeyRing, order_no: str, note_id: str, words: str, actor: str) -> Note:
    """Another text. The note is locked by `standing`. Raises Conflict `customer_erased`."""
    return await _write(conn, keys, note_id, await _sealed(conn, keys, order_no, note_id, words), words, actor)


async def standing(conn: AsyncConnection, order_no: str, note_id: str) -> Standing:
    """Lock the note. Raises NotFound `note_not_found`, also where it was deleted."""
    row = (await conn.execute(_LOCK, {"note_id": note_id, "order_no": order_no})).one_or_none()
    if row is None or row.deleted_at is not None:
        raise NotFound("note_not_found")
    return Standing(row.author, row.created_at)


async def delete(conn: AsyncConnection, note_id: str) -> None:
    """Show it no more; its versions stay for the audit log. The note is locked by `standing`."""
    await mentions.drop(conn, note_id)
    await conn.execute(_DELETE, {"note_id": note_id})


async def page(
    conn: AsyncConnection, keys: KeyRing, order_no: str, after: tuple[datetime, str] | None, limit: int
) -> list[Note]:
    """At most `limit` + 1 notes of the order, newest first."""
    created_at, note_id = after or (None, "")
    row = {"order_no": order_no, "created_at": created_at, "note_id": note_id, "limit": limit}
    return [_opened(keys, found) for found in (await conn.execute(_PAGE, row)).mappings()]


async def some(conn: AsyncConnection, keys: KeyRing, note_ids: Sequence[str]) -> dict[str, Note]:
    """These notes, without the deleted ones."""
    rows = (await conn.execute(_SOME, {"note_ids": list(note_ids)})).mappings()
    return {row["note_id"]: _opened(keys, row) for row in rows}


def context(note_id: str, version: int) -> str:
    """What a version is sealed with, and how the audit log refers to it."""
    return f"{note_id}:{version}"


async def _write(conn: AsyncConnection, keys: KeyRing, note_id: str, sealed: bytes, words: str, actor: str) -> Note:
    await conn.execute(_WRITE, {"note_id": note_id, "text_enc": sealed, "actor": actor})
    await mentions.replace(conn, note_id, words, actor)
    return _opened(keys, (await conn.execute(_ONE, {"note_id": note_id})).mappings().one())


async def _sealed(conn: AsyncConnection, keys: KeyRing, order_no: str, note_id: str, words: str) -> bytes:
    key = await data_key_of(conn, order_no)
    if key is None:
        raise Conflict("customer_erased")
    version = (await conn.execute(_NEXT, {"note_id": note_id})).scalar_one()
    return keys.seal_json(key, words, context(note_id, version))


def _opened(keys: KeyRing, row: RowMapping) -> Note:
    words = keys.open_json(row["data_key"], row["text_enc"], context(row["note_id"], row["version"]))
    known = {name: row[name] for name in ("note_id", "order_no", "author", "created_at")}
    edited = row["written_at"] if row["version"] > 1 else None
    return Note(**known, edited_at=edited, mentions=list(row["mentions"]), text=words)
