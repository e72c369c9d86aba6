"""Channels by which staff are told when something is wrong."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services
from api.openapi import body_of, keyed, problems
from api.request_body import read
from api.responses import response_of
from api.schemas.alerts import NewChannel
from api.services import alert_channel_setup
from domain.access import Role
from infra.db.alerts import alert_channels

router = APIRouter(prefix="/v1/notices/channels", tags=["notices"])


@router.post("", status_code=201, openapi_extra=body_of(NewChannel), responses=problems())
async def add(request: Request, caller: Caller) -> Response:
    """Tell staff there from now on. For a webhook, the answer (and a repeat of this very request) shows its secret."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewChannel)
    return response_of(await alert_channel_setup.add(parts, caller, key, parsed.digest, parsed.model))


@router.get("", responses=problems())
async def every(request: Request, caller: Caller) -> Response:
    """All channels without tokens and secrets, each with how its last message went."""
    parts = services(request)
    require(caller, Role.OPERATIONS)
    async with parts.database.begin() as conn:
        items: list[dict[str, Any]] = await alert_channels.every(conn, parts.keys.vault)
    return json_response({"items": items, "next_cursor": None})


@router.delete("/{channel_id}", status_code=204, responses=problems())
async def remove(channel_id: str, request: Request, caller: Caller) -> Response:
    """Tell nothing there any more."""
    require(caller, Role.OPERATIONS)
    await alert_channel_setup.remove(services(request), caller, channel_id)
    return Response(status_code=204)


@router.post("/{channel_id}/test", openapi_extra=keyed(), responses=problems())
async def test(channel_id: str, request: Request, caller: Caller) -> Response:
    """Send a test notice now: {taken, error, said}; `error` is a code, `said` what the channel answered."""
    require(caller, Role.OPERATIONS)
    idempotency_key(request)  # as every POST; a repeat is another message, which is what a test is for
    outcome = await alert_channel_setup.test(services(request), channel_id)
    return json_response({"taken": outcome.error is None, "error": outcome.error, "said": outcome.said})
