"""Sessions of staff: a random cookie stored as a hash; they end by idling, by age and by signing out."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.access import Role

_OPEN = text(
    """
    INSERT INTO staff_sessions (session_hash, name, expires_at, address)
    VALUES (:hash, :name, now() + make_interval(secs => :lifetime_s), :address)
    """
)
# One statement looks and, at most once a minute, notes that the session is in use.
_FIND = text(
    """
    WITH found AS (
      SELECT s.session_hash, s.seen_at, p.name, p.role FROM staff_sessions s JOIN staff p USING (name)
       WHERE s.session_hash = :hash AND p.active AND s.expires_at > now()
         AND s.seen_at > now() - make_interval(secs => :idle_s)),
    seen AS (
      UPDATE staff_sessions s SET seen_at = now() FROM found
       WHERE s.session_hash = found.session_hash AND found.seen_at < now() - interval '1 minute'
         AND CAST(:in_use AS boolean))
    SELECT name, role FROM found
    """
)
_CLOSE = text("DELETE FROM staff_sessions WHERE session_hash = :hash")
_CLOSE_ALL = text("DELETE FROM staff_sessions WHERE name = :name")
_CLOSE_OTHERS = text("DELETE FROM staff_sessions WHERE name = :name AND session_hash <> :hash")
_OPEN_OF = text(
    """
    SELECT created_at, seen_at, address, session_hash = :hash AS here FROM staff_sessions
     WHERE name = :name AND expires_at > now() AND seen_at > now() - make_interval(secs => :idle_s)
     ORDER BY seen_at DESC LIMIT 100
    """
)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is."""

    name: str
    role: Role


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is open; `here` is the asking one."""

    created_at: datetime
    seen_at: datetime
    address: str | None
    here: bool


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


async def open_session(conn: AsyncConnection, name: str, lifetime_s: float, address: str | None = None) -> str:
    """A new session of a member of staff; the cookie that proves it."""
    cookie = secrets.token_urlsafe(32)
    row = {"hash": _hash(cookie), "name": name, "lifetime_s": float(lifetime_s), "address": address}
    await conn.execute(_OPEN, row)
    return cookie


async def session_of(conn: AsyncConnection, cookie: str, idle_s: float, *, in_use: bool = True) -> SignedIn | None:
    """Whose cookie this is, or None when it is nobody's, too old, idle for `idle_s` seconds or its owner left. Without
    `in_use` the question keeps the session no longer."""
    row = (await conn.execute(_FIND, {"hash": _hash(cookie), "idle_s": float(idle_s), "in_use": in_use})).one_or_none()
    return None if row is None else SignedIn(row.name, Role(row.role))


async def close_session(conn: AsyncConnection, cookie: str) -> None:
    """End one session."""
    await conn.execute(_CLOSE, {"hash": _hash(cookie)})


async def close_sessions_of(conn: AsyncConnection, name: str) -> int:
    """End every session of a member of staff; how many there were."""
    return (await conn.execute(_CLOSE_ALL, {"name": name})).rowcount


async def close_others(conn: AsyncConnection, name: str, cookie: str) -> int:
    """End every session of a member of staff but this one; how many there were."""
    return (await conn.execute(_CLOSE_OTHERS, {"name": name, "hash": _hash(cookie)})).rowcount


async def open_of(conn: AsyncConnection, name: str, cookie: str, idle_s: float) -> list[OpenSession]:
    """The open sessions of a member of staff, the one used last first."""
    row = {"name": name, "hash": _hash(cookie), "idle_s": float(idle_s)}
    return [OpenSession(**found._mapping) for found in await conn.execute(_OPEN_OF, row)]
