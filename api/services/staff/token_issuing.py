"""Bearer tokens: issued, listed, revoked."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from api import pagination
from api.dependencies import Services, actor
from api.idempotency import SecretAnswer, request_of, run_in_transaction, run_with_secrets
from api.replies import Reply
from api.schemas.staff import NewToken
from domain.access import Principal, Role
from domain.errors import NotFound
from infra.db.engine import Connection
from infra.db.staff import api_tokens
from infra.db.staff.api_tokens import Token
from infra.security import tokens as signed

_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


@dataclass(frozen=True, slots=True)
class TokenPage:
    """A page of tokens, the newest first."""

    items: Sequence[Token]
    next_cursor: str | None


async def list_tokens(
    services: Services, *, role: Role | None, subject: str | None, active: bool, cursor: str | None, limit: int
) -> TokenPage:
    """Raises Problem `invalid_cursor`."""
    before = pagination.large_number(cursor) if cursor else None
    async with services.database.begin() as conn:
        found = await api_tokens.page(conn, role=role, subject=subject, active=active, before=before, limit=limit + 1)
    more = pagination.encoded([found[limit - 1].number]) if len(found) > limit else None
    return TokenPage([row.token for row in found[:limit]], more)


async def issue(services: Services, caller: Principal, key: str, digest: bytes, new: NewToken) -> Reply:
    """Issue a token; the first answer is all that shows it."""
    settings = services.settings
    made = signed.make(
        settings.token_secret,
        new.role,
        new.customer or new.subject or "",
        new.lifetime_s or settings.token_lifetime_s,
    )

    async def work(conn: Connection) -> SecretAnswer:
        await api_tokens.register(conn, made, actor(caller))
        facts = {"token_id": made.token_id, "role": made.role, "subject": made.subject}
        return SecretAnswer(
            {**facts, "expires_at": datetime.fromtimestamp(made.expires_at, UTC)}, {"token": made.token}
        )

    return await run_with_secrets(services, request_of(caller, key, digest), 201, work)


async def revoke(services: Services, caller: Principal, key: str, token_id: str) -> Reply:
    """Refuse this token from now on; this process knows at once. Raises NotFound `token_not_found`."""
    if not _ID.match(token_id):
        raise NotFound("token_not_found")

    async def work(conn: Connection) -> Token:
        row = await api_tokens.revoke(conn, token_id, actor(caller))
        if row is None:
            raise NotFound("token_not_found")
        return row

    digest = hashlib.sha256(f"revoke {token_id}".encode()).digest()
    reply = await run_in_transaction(services, request_of(caller, key, digest), 200, work)
    await services.revoked.poll()
    return reply
