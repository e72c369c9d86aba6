"""Bearer tokens: what was handed out, and what was revoked."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.security.tokens import Issued

_REGISTER = text(
    """
    INSERT INTO tokens (token_id, role, subject, issued_at, issued_by, expires_at)
    VALUES (:token_id, :role, :subject, to_timestamp(:issued_at), :issued_by, to_timestamp(:expires_at))
    """
)
_PAGE = text(
    """
    SELECT number, token_id, role, subject, issued_at, issued_by, expires_at, revoked_at, revoked_by
      FROM tokens
     WHERE (CAST(:before AS bigint) IS NULL OR number < :before)
       AND (CAST(:role AS text) IS NULL OR role = :role)
       AND (CAST(:subject AS text) IS NULL OR subject = :subject)
       AND (NOT :active OR (revoked_at IS NULL AND expires_at > now()))
     ORDER BY number DESC LIMIT :limit
    """
)
_REVOKE = text(
    """
    UPDATE tokens SET revoked_at = now(), revoked_by = :by
     WHERE token_id = :token_id AND revoked_at IS NULL
    RETURNING token_id, role, subject, issued_at, issued_by, expires_at, revoked_at, revoked_by
    """
)
_FIND = text(
    """
    SELECT token_id, role, subject, issued_at, issued_by, expires_at, revoked_at, revoked_by
      FROM tokens WHERE token_id = :token_id
    """
)
_REVOKED = text("SELECT token_id FROM tokens WHERE revoked_at IS NOT NULL AND expires_at > now()")
_FORGET = text(
    """
    DELETE FROM tokens WHERE token_id = ANY(ARRAY(
      SELECT token_id FROM tokens WHERE expires_at < now() - make_interval(days => :days) LIMIT :limit))
    """
)


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token as it is listed: who has it, who issued it, and who revoked it."""

    token_id: str
    role: str
    subject: str
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token of a page; `number` says where the next page begins."""

    number: int
    token: Token


async def register(conn: AsyncConnection, issued: Issued, by: str) -> None:
    """Keep that `by` handed it out."""
    facts = {"token_id": issued.token_id, "role": issued.role.value, "subject": issued.subject, "issued_by": by}
    await conn.execute(_REGISTER, {**facts, "issued_at": issued.issued_at, "expires_at": issued.expires_at})


async def page(
    conn: AsyncConnection, *, role: str | None, subject: str | None, active: bool, before: int | None, limit: int
) -> list[TokenRow]:
    """The newest first; `number` is for the next page."""
    wanted = {"role": role, "subject": subject, "active": active, "before": before, "limit": limit}
    rows = (await conn.execute(_PAGE, wanted)).mappings().all()
    return [TokenRow(row["number"], _token(row)) for row in rows]


async def revoke(conn: AsyncConnection, token_id: str, by: str) -> Token | None:
    """The token as it is then; one that was revoked before stays as it was. None where it is unknown."""
    row = (await conn.execute(_REVOKE, {"token_id": token_id, "by": by})).mappings().one_or_none()
    if row is None:
        row = (await conn.execute(_FIND, {"token_id": token_id})).mappings().one_or_none()
    return _token(row) if row else None


def _token(row: RowMapping) -> Token:
    return Token(**{name: value for name, value in row.items() if name != "number"})


async def revoked(conn: AsyncConnection) -> frozenset[str]:
    """The ids of all that are refused before their time."""
    return frozenset((await conn.execute(_REVOKED)).scalars())


async def forget(conn: AsyncConnection, days: int, limit: int) -> int:
    """Delete what expired this long ago; how many."""
    return (await conn.execute(_FORGET, {"days": days, "limit": limit})).rowcount
