"""Files that people upload, named by the hash of their bytes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from infra.db.customers.profiles import KeyRing
from infra.security.crypto import Unreadable

_ADD = text(
    """
    INSERT INTO stored_files (file_id, media_type, size, width, height, owner_id, content, small, created_by)
    VALUES (:file_id, :media_type, :size, :width, :height, :owner_id, :content, :small, :created_by)
    ON CONFLICT (file_id) DO NOTHING
    """
)
# Whoever refers to a file holds this lock; files that nothing refers to are deleted while nobody does.
_REFERRING = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('stored files', 0))")
_ALONE = text("SELECT pg_try_advisory_xact_lock(hashtextextended('stored files', 0))")
_UNUSED = """
      FROM stored_files f
     WHERE NOT EXISTS (SELECT FROM products WHERE picture_id = f.file_id)
       AND NOT EXISTS (SELECT FROM channel_settings WHERE logo = f.file_id)
       AND NOT EXISTS (SELECT FROM return_photographs WHERE file_id = f.file_id)
       AND NOT EXISTS (SELECT FROM order_photographs WHERE file_id = f.file_id)
"""
_UNUSED_OF = text("SELECT count(*)" + _UNUSED + "AND owner_id = :owner_id")
_OWNED = text("SELECT file_id FROM stored_files WHERE file_id = ANY(CAST(:ids AS text[])) AND owner_id = :owner_id")
_OLD = "SELECT file_id" + _UNUSED + "AND created_at < now() - make_interval(days => :days) LIMIT :limit"
_FORGET = text(f"DELETE FROM stored_files WHERE file_id = ANY(ARRAY({_OLD}))")  # noqa: S608
_PUBLIC = text("SELECT 1 FROM stored_files WHERE file_id = :file_id AND owner_id IS NULL")
_KEY = text("SELECT data_key FROM customers WHERE customer_id = :owner_id")
_READ = text(
    """
    SELECT f.media_type, f.owner_id, c.data_key, CASE WHEN :small THEN f.small ELSE f.content END AS content
      FROM stored_files f LEFT JOIN customers c ON c.customer_id = f.owner_id
     WHERE f.file_id = :file_id AND (f.owner_id IS NULL OR NOT :public)
    """
)


@dataclass(frozen=True, slots=True)
class NewFile:
    """A picture to store, with its thumbnail; `created_by` is the actor."""

    media_type: str
    content: bytes = field(repr=False)
    small: bytes = field(repr=False)
    width: int
    height: int
    created_by: str


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes as they were uploaded; `owner_id` is the customer whose it is, None for the shop's own."""

    media_type: str
    content: bytes = field(repr=False)
    owner_id: str | None


async def add_public(conn: AsyncConnection, new: NewFile) -> str:
    """Store a file that everybody may see, and return its id. The same bytes again are the same file."""
    return await _add(conn, new, None, new.content, new.small)


async def add_private(conn: AsyncConnection, keys: KeyRing, new: NewFile, owner_id: str) -> str:
    """Store a customer's file, sealed with their data key, and return its id. Raises NotFound `customer_not_found`,
    also for an erased customer."""
    wrapped = (await conn.execute(_KEY, {"owner_id": owner_id})).scalar_one_or_none()
    if wrapped is None:
        raise NotFound("customer_not_found")
    plain, context = keys.unwrap(wrapped), _context(owner_id)
    content, small = (keys.vault.seal(plain, part, context) for part in (new.content, new.small))
    return await _add(conn, new, owner_id, content, small)


async def read(
    conn: AsyncConnection, keys: KeyRing, file_id: str, *, small: bool = False, public: bool = False
) -> FileContent | None:
    """The file or its thumbnail. None where there is none, where it cannot be opened any more (erasure), or where only
    a `public` one is wanted and it has an owner."""
    question = {"file_id": file_id, "small": small, "public": public}
    row = (await conn.execute(_READ, question)).one_or_none()
    if row is None:
        return None
    if row.owner_id is None:
        return FileContent(row.media_type, bytes(row.content), None)
    if row.data_key is None:
        return None
    try:
        content = keys.vault.open(keys.unwrap(row.data_key), bytes(row.content), _context(row.owner_id))
    except Unreadable:
        return None
    return FileContent(row.media_type, content, row.owner_id)


async def refer(conn: AsyncConnection) -> None:
    """To be called before something refers to a file that is stored: until the transaction ends, no file goes."""
    await conn.execute(_REFERRING)


async def is_public(conn: AsyncConnection, file_id: str) -> bool:
    """True for a file of the shop's own."""
    return (await conn.execute(_PUBLIC, {"file_id": file_id})).one_or_none() is not None


async def unused_of(conn: AsyncConnection, owner_id: str) -> int:
    """How many files of this customer nothing refers to."""
    return int((await conn.execute(_UNUSED_OF, {"owner_id": owner_id})).scalar_one())


async def owned(conn: AsyncConnection, file_ids: Sequence[str], owner_id: str) -> list[str]:
    """Those of these files that are this customer's, in the same order; none goes before the transaction ends."""
    await refer(conn)
    found = set((await conn.execute(_OWNED, {"ids": list(file_ids), "owner_id": owner_id})).scalars())
    return [one for one in file_ids if one in found]


async def forget_unused(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete up to `limit` files that are older than `days` and that nothing refers to; the number of them. None while
    somebody is about to refer to one. The database deletes none that is referred to."""
    if not (await conn.execute(_ALONE)).scalar_one():
        return 0
    return (await conn.execute(_FORGET, {"days": days, "limit": limit})).rowcount


async def _add(conn: AsyncConnection, new: NewFile, owner_id: str | None, content: bytes, small: bytes) -> str:
    file_id = hashlib.sha256(content).hexdigest()
    values = {
        **{"file_id": file_id, "media_type": new.media_type, "size": len(new.content), "owner_id": owner_id},
        **{"width": new.width, "height": new.height, "content": content, "small": small, "created_by": new.created_by},
    }
    await refer(conn)
    await conn.execute(_ADD, values)
    return file_id


def _context(owner_id: str) -> str:
    """What the bytes are sealed with. The id of a file is the hash of them, so it is no part of it."""
    return f"file:{owner_id}"
