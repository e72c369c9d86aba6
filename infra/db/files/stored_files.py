"""Files that people upload, named by the hash of their bytes."""

import hashlib
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


async def _add(conn: AsyncConnection, new: NewFile, owner_id: str | None, content: bytes, small: bytes) -> str:
    file_id = hashlib.sha256(content).hexdigest()
    values = {
        **{"file_id": file_id, "media_type": new.media_type, "size": len(new.content), "owner_id": owner_id},
        **{"width": new.width, "height": new.height, "content": content, "small": small, "created_by": new.created_by},
    }
    await conn.execute(_ADD, values)
    return file_id


def _context(owner_id: str) -> str:
    """What the bytes are sealed with. The id of a file is the hash of them, so it is no part of it."""
    return f"file:{owner_id}"
