"""Sessions of staff: a random cookie stored as a hash; they end by idling, by age and by signing out."""

import hashlib
import secrets
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

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
       WHERE s.session_hash = found.session_hash AND found.seen_at < now() - interval '1 minute')
    SELECT name, role FROM found
    """
)
_CLOSE = text("DELETE FROM staff_sessions WHERE session_hash = :hash")
_CLOSE_ALL = text("DELETE FROM staff_sessions WHERE name = :name")


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Whose session it is."""

    name: str
    role: str


def _hash(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


async def open_session(conn: AsyncConnection, name: str, lifetime_s: float, address: str | None = None) -> str:
    """A new session of a member of staff; the cookie that proves it."""
    cookie = secrets.token_urlsafe(32)
    row = {"hash": _hash(cookie), "name": name, "lifetime_s": float(lifetime_s), "address": address}
    await conn.execute(_OPEN, row)
    return cookie


async def session_of(conn: AsyncConnection, cookie: str, idle_s: float) -> SignedIn | None:
    """Whose cookie this is, or None when it is nobody's, too old, idle for `idle_s` seconds or its owner left."""
    row = (await conn.execute(_FIND, {"hash": _hash(cookie), "idle_s": float(idle_s)})).one_or_none()
    return None if row is None else SignedIn(row.name, row.role)


async def close_session(conn: AsyncConnection, cookie: str) -> None:
    """End one session."""
    await conn.execute(_CLOSE, {"hash": _hash(cookie)})


async def close_sessions_of(conn: AsyncConnection, name: str) -> None:
    """End every session of a member of staff."""
    await conn.execute(_CLOSE_ALL, {"name": name})
