"""Channels for alerts to staff."""

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, idempotency_key, json_response, require, services_of
from api.http.openapi import Answer, operation
from api.http.request_body import read
from api.http.responses import response_of
from api.schemas.alerts import AddedChannel, AlertChannelList, NewChannel, TestedChannel
from api.services.alerts import alert_channel_setup
from domain.access import Role

router = APIRouter(prefix="/v1/notices/channels", tags=["notices"])


@router.post("", **operation("add_alert_channel", Answer(201, AddedChannel), body=NewChannel))
async def add(request: Request, caller: Caller) -> Response:
    """Send alerts there from now on. For a webhook, the answer (and a repeat of this very request) shows its secret."""
    services = services_of(request)
    require(caller, Role.OPERATIONS)
    key = idempotency_key(request)
    parsed = await read(request, NewChannel)
    return response_of(await alert_channel_setup.add(services, caller, key, parsed.digest, parsed.model))


@router.get("", **operation("list_alert_channels", Answer(200, AlertChannelList)))
async def list_channels(request: Request, caller: Caller) -> Response:
    """All channels without tokens and secrets, each with how its last message went."""
    require(caller, Role.OPERATIONS)
    items = await alert_channel_setup.list_channels(services_of(request))
    return json_response({"items": items, "next_cursor": None})


@router.delete("/{channel_id}", **operation("remove_alert_channel", Answer(204)))
async def remove(channel_id: str, request: Request, caller: Caller) -> Response:
    """Send no alerts there any more."""
    require(caller, Role.OPERATIONS)
    await alert_channel_setup.remove(services_of(request), caller, channel_id)
    return Response(status_code=204)


@router.post("/{channel_id}/test", **operation("test_alert_channel", Answer(200, TestedChannel), with_key=True))
async def test(channel_id: str, request: Request, caller: Caller) -> Response:
    """Send a test message now, and answer with its outcome."""
    require(caller, Role.OPERATIONS)
    idempotency_key(request)  # as every POST; a repeat is another message, which is what a test is for
    outcome = await alert_channel_setup.test(services_of(request), channel_id)
    return json_response({"taken": outcome.error is None, "error": outcome.error, "said": outcome.said})
