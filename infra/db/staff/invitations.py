"""Single-use links: an invitation to join, or a new second factor. Only the hash of a link's token is stored."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

Purpose = Literal["join", "second_factor"]

_ADD = text(
    """
    INSERT INTO staff_invitations (invitation_id, purpose, token_hash, role, name, email_enc, invited_by, expires_at)
    VALUES (:invitation_id, :purpose, :token_hash, :role, :name, :email_enc, :invited_by,
            now() + make_interval(secs => :lifetime_s))
    RETURNING expires_at
    """
)
# An address is kept for as long as the link can be used.
_FORGET = text("UPDATE staff_invitations SET email_enc = NULL WHERE email_enc IS NOT NULL AND expires_at < now()")
_OPEN = "accepted_at IS NULL AND revoked_at IS NULL AND expires_at > now()"
_COLUMNS = "invitation_id, purpose, role, name, email_enc, invited_by, created_at, expires_at"
_LIST = text(
    f"SELECT {_COLUMNS} FROM staff_invitations WHERE {_OPEN} ORDER BY created_at DESC, invitation_id LIMIT 200"  # noqa: S608
)
_FIND = text(f"SELECT {_COLUMNS} FROM staff_invitations WHERE token_hash = :hash AND {_OPEN}")  # noqa: S608
_ACCEPT = text(
    f"UPDATE staff_invitations SET accepted_at = now(), email_enc = NULL, name = :name "  # noqa: S608
    f"WHERE token_hash = :hash AND {_OPEN} RETURNING {_COLUMNS}"
)
_REVOKE = text(
    f"UPDATE staff_invitations SET revoked_at = now(), email_enc = NULL "  # noqa: S608
    f"WHERE invitation_id = :invitation_id AND {_OPEN} RETURNING invitation_id"
)
_REVOKE_OF = text(
    f"UPDATE staff_invitations SET revoked_at = now(), email_enc = NULL WHERE name = :name AND {_OPEN}"  # noqa: S608
)
_REVOKE_MADE_BY = text(
    f"UPDATE staff_invitations SET revoked_at = now(), email_enc = NULL WHERE invited_by = :actor AND {_OPEN}"  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    """A link to store; `name` is proposed for somebody who joins."""

    invitation_id: str
    purpose: Purpose
    token: str
    role: str
    name: str | None
    email_enc: bytes | None
    invited_by: str
    lifetime_s: float


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link that can still be used."""

    invitation_id: str
    purpose: Purpose
    role: str
    name: str | None
    email_enc: bytes | None
    invited_by: str
    created_at: datetime
    expires_at: datetime


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def add(conn: AsyncConnection, new: NewInvitation) -> datetime:
    """Store it; returns when it expires."""
    await conn.execute(_FORGET)
    row = {
        "invitation_id": new.invitation_id,
        "purpose": new.purpose,
        "token_hash": _hash(new.token),
        "role": new.role,
        "name": new.name,
        "email_enc": new.email_enc,
        "invited_by": new.invited_by,
        "lifetime_s": float(new.lifetime_s),
    }
    expires_at: datetime = (await conn.execute(_ADD, row)).scalar_one()
    return expires_at


async def open_ones(conn: AsyncConnection) -> list[Invitation]:
    """Those that can still be used, the newest first."""
    return [Invitation(**row._mapping) for row in await conn.execute(_LIST)]


async def find(conn: AsyncConnection, token: str) -> Invitation | None:
    """The invitation of this link; None for one that is used, revoked, too old or unknown."""
    row = (await conn.execute(_FIND, {"hash": _hash(token)})).one_or_none()
    return None if row is None else Invitation(**row._mapping)


async def accept(conn: AsyncConnection, token: str, name: str) -> Invitation | None:
    """Use the link up for `name`; None when it was used meanwhile."""
    row = (await conn.execute(_ACCEPT, {"hash": _hash(token), "name": name})).one_or_none()
    return None if row is None else Invitation(**row._mapping)


async def revoke(conn: AsyncConnection, invitation_id: str) -> bool:
    """Revoke the link; False when there is no open one."""
    found = (await conn.execute(_REVOKE, {"invitation_id": invitation_id})).scalar_one_or_none()
    return found is not None


async def revoke_of(conn: AsyncConnection, name: str) -> None:
    """Revoke the links of this member."""
    await conn.execute(_REVOKE_OF, {"name": name})


async def revoke_made_by(conn: AsyncConnection, actor: str) -> None:
    """Revoke the links that this actor made."""
    await conn.execute(_REVOKE_MADE_BY, {"actor": actor})
