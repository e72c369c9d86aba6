"""Bearer tokens: issued, listed, revoked."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.fields import Reference
from api.schemas.staff import IssuedToken, KnownToken, NewToken, TokenList
from api.services.staff import token_issuing
from domain.access import Role

router = APIRouter(prefix="/v1/tokens", tags=["tokens"])


@router.get("", **operation("list_tokens", Answer(200, TokenList)))
async def list_tokens(
    request: Request,
    caller: Caller,
    role: Role | None = None,
    subject: Reference | None = None,
    active: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: str | None = None,
) -> Response:
    """Tokens that were issued, the newest first, never the tokens themselves; `active=true`: only those that are valid.

    For admins. Expired ones are forgotten after 30 days.
    """
    require(caller, Role.ADMIN)
    services = services_of(request)
    found = await token_issuing.list_tokens(
        services, role=role, subject=subject, active=active, cursor=cursor, limit=limit
    )
    return json_response(found)


@router.post("", **operation("issue_token", Answer(201, IssuedToken), body=NewToken))
async def issue(request: Request, caller: Caller) -> Response:
    """Issue a token. The first answer is all that shows it; a repeat is without. For admins.

    Without `lifetime_s` it is valid for OMS_TOKEN_LIFETIME_S.
    """
    services = services_of(request)
    require(caller, Role.ADMIN)
    key = idempotency_key(request)
    parsed = await read(request, NewToken)
    return response_of(await token_issuing.issue(services, caller, key, parsed.digest, parsed.model))


@router.post("/{token_id}/revoke", **operation("revoke_token", Answer(200, KnownToken), with_key=True))
async def revoke(token_id: str, request: Request, caller: Caller) -> Response:
    """Refuse this token from now on (401 `token_revoked`): here at once, in other processes within two seconds.

    For admins. One that was revoked before stays so, and is 200.
    """
    require(caller, Role.ADMIN)
    return response_of(await token_issuing.revoke(services_of(request), caller, idempotency_key(request), token_id))
