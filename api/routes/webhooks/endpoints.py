"""Webhook endpoints: who wants to hear of events."""

import base64
import secrets
from typing import Any

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, actor, derived_id, idempotency_key, json_response, require, services
from api.idempotency import HOLD_S
from api.openapi import body_of, problems
from api.request_body import read
from api.responses import REPLAYED, response_of
from api.schemas.webhooks import NewEndpoint, Replay, Replayed
from api.services.webhooks import webhook_endpoints
from api.services.webhooks.webhook_targets import require_public
from domain.access import Role
from domain.errors import NotFound
from infra.db import idempotency
from infra.db.audit import actor_context
from infra.db.idempotency import Answered
from infra.db.webhooks import endpoints
from infra.db.webhooks.endpoints import Endpoint
from infra.security.network_addresses import Reach

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhook endpoints"])

_SECRET_BYTES = 32


@router.post("", status_code=201, openapi_extra=body_of(NewEndpoint), responses=problems())
async def add(request: Request, caller: Caller) -> Response:
    """Send events there from now on. The answer (and a repeat of this very request) is all that shows the secret."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewEndpoint)
    wish = parsed.model
    await require_public(wish.url, Reach.from_settings(parts.settings))
    endpoint_id = f"whe_{derived_id(caller, key, 'webhook endpoint')}"
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    async with parts.database.begin() as conn:
        asked = idempotency.Request(actor(caller), key, parsed.digest, caller.origin)
        claim = await idempotency.claim(conn, parts.keys, asked, HOLD_S, endpoint_id)
        if isinstance(claim, Answered):
            known = await endpoints.secret_of(conn, parts.keys, endpoint_id)
            return json_response({**claim.response, "secret": known}, claim.status_code, REPLAYED)
        wanted = Endpoint(endpoint_id, wish.url, list(wish.event_types), actor(caller), secret)
        shown = await endpoints.add(conn, parts.keys, wanted)
        # The kept answer is without the secret, which stays encrypted.
        await idempotency.finish(conn, parts.keys, claim, 201, shown)
    return json_response({**shown, "secret": secret}, 201)


@router.get("", responses=problems())
async def every(request: Request, caller: Caller) -> Response:
    """All endpoints, without their secrets."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    async with parts.database.begin() as conn:
        items: list[dict[str, Any]] = await endpoints.every(conn)
    return json_response({"items": items, "next_cursor": None})


@router.post("/{endpoint_id}/replay", response_model=Replayed, openapi_extra=body_of(Replay), responses=problems())
async def replay(endpoint_id: str, request: Request, caller: Caller) -> Response:
    """Send again what was given up; an endpoint that was switched off is on again. Old messages may come after newer
    ones: their `webhook-id` and `seq` are as they were."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, Replay)
    return response_of(
        await webhook_endpoints.replay(parts, caller, key, parsed.digest, endpoint_id, parsed.model.since)
    )


@router.delete("/{endpoint_id}", status_code=204, responses=problems())
async def remove(endpoint_id: str, request: Request, caller: Caller) -> Response:
    """Send nothing there any more."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    webhook_endpoints.require_id(endpoint_id)
    async with parts.database.begin() as conn:
        await actor_context.acts(conn, actor(caller), caller.origin)
        if not await endpoints.remove(conn, endpoint_id):
            raise NotFound("endpoint_not_found")
    return Response(status_code=204)
