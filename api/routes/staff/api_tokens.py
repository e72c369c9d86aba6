"""Bearer tokens that were handed out: handing them out, who has one, and revoking it."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from api import pagination
from api.dependencies import Caller, actor, idempotency_key, json_response, require, services
from api.idempotency import Shown, in_books, shown_once
from api.openapi import body_of, keyed, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.fields import Reference
from api.schemas.staff import IssuedToken, NewToken
from domain.access import Role
from domain.errors import NotFound
from infra.db.idempotency import Request as Asked
from infra.db.staff import api_tokens
from infra.security import tokens as signed

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])

_ID = re.compile(r"^[A-Za-z0-9_-]{1,64}$")


@router.get("", responses=problems())
async def every(
    request: Request,
    caller: Caller,
    role: Role | None = None,
    subject: Reference | None = None,
    active: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Tokens that were handed out, the newest first, never the tokens themselves; `active=true`: only those that count.

    For admins. Expired ones are forgotten after 30 days.
    """
    require(caller, Role.ADMIN)
    before = pagination.large_number(cursor) if cursor else None
    async with services(request).database.begin() as conn:
        found = await api_tokens.page(conn, role=role, subject=subject, active=active, before=before, limit=limit + 1)
    more = pagination.encoded([found[limit - 1]["number"]]) if len(found) > limit else None
    return json_response({"items": [_shown(row) for row in found[:limit]], "next_cursor": more})


@router.post("", status_code=201, response_model=IssuedToken, openapi_extra=body_of(NewToken), responses=problems())
async def issue(request: Request, caller: Caller) -> Response:
    """Hand out a token. The first answer is all that shows it; a repeat is without. For admins.

    Without `lifetime_s` it lives for OMS_TOKEN_LIFETIME_S.
    """
    parts = services(request)
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    parsed = await read(request, NewToken)
    wish, settings = parsed.model, parts.settings
    made = signed.make(
        settings.token_secret,
        wish.role,
        wish.customer or wish.subject or "",
        wish.lifetime_s or settings.token_lifetime_s,
    )

    async def work(conn: AsyncConnection) -> Shown:
        await api_tokens.register(conn, made, actor(caller))
        facts = {"token_id": made.token_id, "role": made.role, "subject": made.subject}
        return Shown({**facts, "expires_at": datetime.fromtimestamp(made.expires_at, UTC)}, {"token": made.token})

    return response_of(await shown_once(parts, Asked(actor(caller), key, parsed.digest, caller.origin), 201, work))


@router.post("/{token_id}/revoke", openapi_extra=keyed(), responses=problems())
async def revoke(token_id: str, request: Request, caller: Caller) -> Response:
    """Refuse this token from now on (401 `token_revoked`): here at once, in other processes within two seconds.

    For admins. One that was revoked before stays so, and is 200.
    """
    parts = services(request)
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    if not _ID.match(token_id):
        raise NotFound("token_not_found")

    async def work(conn: AsyncConnection) -> dict[str, Any]:
        row = await api_tokens.revoke(conn, token_id, actor(caller))
        if row is None:
            raise NotFound("token_not_found")
        return row

    asked = Asked(actor(caller), key, hashlib.sha256(f"revoke {token_id}".encode()).digest(), caller.origin)
    answer = await in_books(parts, asked, 200, work)
    await parts.revoked.look()
    return response_of(answer)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "number"}
