"""Codes and links by which customers sign in: for one contact, single-use, invalid after five wrong guesses.

A request for an unknown contact is stored in the same way, without a code.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.security.crypto import Vault

Kind = Literal["email", "phone"]
Refusal = Literal["wrong", "dead", "late", "used", "none"]
LIFETIME_S = 600
MAX_TRIES = 5
DIGITS = 6

_COUNT = text(
    """
    INSERT INTO sign_in_requests AS a (asked_by, asks) VALUES (:asked_by, 1)
    ON CONFLICT (asked_by) DO UPDATE
       SET asks = CASE WHEN a.since <= now() - make_interval(secs => :window_s) THEN 1 ELSE a.asks + 1 END,
           since = CASE WHEN a.since <= now() - make_interval(secs => :window_s) THEN now() ELSE a.since END
     WHERE a.asks < :limit OR a.since <= now() - make_interval(secs => :window_s)
    RETURNING asks
    """
)
_LEFT = text(
    """
    SELECT greatest(extract(epoch FROM since + make_interval(secs => :window_s) - now()), 1)::float
      FROM sign_in_requests WHERE asked_by = :asked_by
    """
)
_SENT = text(
    """
    SELECT count(*) FROM portal_codes
     WHERE contacts[1] = :contact AND code_hash IS NOT NULL AND asked_at > now() - make_interval(secs => :window_s)
    """
)
_KEEP = text(
    """
    INSERT INTO portal_codes (ask_hash, contact_kind, contacts, code_hash, link_hash, expires_at)
    VALUES (:ask_hash, :kind, CAST(:contacts AS bytea[]), :code_hash, :link_hash,
            now() + make_interval(secs => :lifetime_s))
    """
)
_FORGET = (
    text("DELETE FROM portal_codes WHERE expires_at < now() - interval '1 day'"),
    text("DELETE FROM sign_in_requests WHERE since < now() - interval '1 day'"),
    text("DELETE FROM portal_sessions WHERE expires_at < now()"),
)
_TRY = text(
    """
    UPDATE portal_codes SET tries = tries + 1
     WHERE ask_hash = :ask_hash AND used_at IS NULL AND expires_at > now() AND tries < :max_tries
    RETURNING contact_kind, contacts, code_hash, tries
    """
)
_USE = text("UPDATE portal_codes SET used_at = now() WHERE ask_hash = :ask_hash")
_FOLLOW = text(
    """
    UPDATE portal_codes SET used_at = now()
     WHERE link_hash = :link_hash AND used_at IS NULL AND expires_at > now() AND tries < :max_tries
    RETURNING contact_kind, contacts
    """
)
_WHY = text(
    """
    SELECT CASE WHEN used_at IS NOT NULL THEN 'used' WHEN tries >= :max_tries THEN 'dead' ELSE 'late' END
      FROM portal_codes WHERE ask_hash = :hash OR link_hash = :hash
    """
)


@dataclass(frozen=True, slots=True)
class IndexedContact:
    """An e-mail address or a telephone number by its blind indexes, the current master key's first."""

    kind: Kind
    indexes: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Secrets:
    """The proof that somebody reads the messages of the contact: the code, or the token of the link."""

    code: str
    token: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a code or a link is refused; `left` more guesses are allowed."""

    why: Refusal
    left: int = 0


def contact_of(vault: Vault, kind: Kind, value: str) -> IndexedContact:
    """The contact behind an address or a number as somebody wrote it."""
    return IndexedContact(kind, vault.blind_indexes(kind, value))


def new_secrets() -> Secrets:
    """A code of six digits and a random token."""
    return Secrets(f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}", secrets.token_urlsafe(32))


async def count_request(conn: AsyncConnection, asked_by: bytes, limit: int, window_s: float) -> float:
    """Count a request; 0.0, or the seconds to wait when `limit` were made within `window_s` already."""
    values = {"asked_by": asked_by, "window_s": float(window_s)}
    if (await conn.execute(_COUNT, {**values, "limit": limit})).scalar_one_or_none() is not None:
        return 0.0
    return float((await conn.execute(_LEFT, values)).scalar_one())


async def sent_to(conn: AsyncConnection, contact: IndexedContact, window_s: float) -> int:
    """How many codes this contact was sent within `window_s`, whatever was typed to ask for them."""
    values = {"contact": contact.indexes[0], "window_s": float(window_s)}
    return int((await conn.execute(_SENT, values)).scalar_one())


async def keep(conn: AsyncConnection, vault: Vault, contact: IndexedContact, made: Secrets | None) -> str:
    """Store a code (None: none is sent) and delete old ones; the cookie of the browser."""
    request_token = secrets.token_urlsafe(32)
    request_hash = _hash(request_token)
    row: dict[str, object] = {"ask_hash": request_hash, "kind": contact.kind, "contacts": list(contact.indexes)}
    row |= {"code_hash": _code_hash(vault, request_hash, made.code) if made else None}
    row |= {"link_hash": _hash(made.token) if made else None, "lifetime_s": float(LIFETIME_S)}
    for forget in _FORGET:
        await conn.execute(forget)
    await conn.execute(_KEEP, row)
    return request_token


async def use_code(conn: AsyncConnection, vault: Vault, request_token: str, code: str) -> IndexedContact | Refused:
    """Check a code in the browser that requested it; the right one is used up, each wrong one counts."""
    request_hash = _hash(request_token)
    row = (await conn.execute(_TRY, {"ask_hash": request_hash, "max_tries": MAX_TRIES})).one_or_none()
    if row is None:
        return await _refusal(conn, request_hash)
    right = hmac.compare_digest(row.code_hash or b"", _code_hash(vault, request_hash, code))
    if not right:
        left = MAX_TRIES - row.tries
        return Refused("wrong" if left else "dead", left)
    await conn.execute(_USE, {"ask_hash": request_hash})
    return IndexedContact(row.contact_kind, row.contacts)


async def use_link(conn: AsyncConnection, token: str) -> IndexedContact | Refused:
    """Use a link up."""
    link_hash = _hash(token)
    row = (await conn.execute(_FOLLOW, {"link_hash": link_hash, "max_tries": MAX_TRIES})).one_or_none()
    return IndexedContact(row.contact_kind, row.contacts) if row is not None else await _refusal(conn, link_hash)


async def _refusal(conn: AsyncConnection, hashed: bytes) -> Refused:
    why = (await conn.execute(_WHY, {"hash": hashed, "max_tries": MAX_TRIES})).scalar_one_or_none()
    return Refused(why or "none")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _code_hash(vault: Vault, request_hash: bytes, code: str) -> bytes:
    return vault.peppered(f"portal code {request_hash.hex()} {code}")
