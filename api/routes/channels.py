"""Channels and how their shops look to customers."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from api.dependencies import Caller, json_response, require, require_staff, services_of
from api.http.openapi import ETAG, IF_MATCH, Answer, operation
from api.http.request_body import read
from api.schemas.channels import Channel, Channels, SetChannel
from api.services.channels import channel_settings
from api.services.channels.channel_settings import ListedChannel
from api.services.orders.order_changes import versions_in

router = APIRouter(prefix="/v1/channels", tags=["channels"])


@router.get("", **operation("list_channels", Answer(200, Channels)))
async def list_channels(request: Request, caller: Caller) -> Response:
    """Every channel that has orders or settings; for the staff."""
    require_staff(caller)
    items = await channel_settings.every(services_of(request))
    return json_response({"items": [asdict(one) for one in items], "next_cursor": None})


@router.get("/{channel}", **operation("get_channel", Answer(200, Channel, headers=[ETAG])))
async def get_channel(channel: str, request: Request, caller: Caller) -> Response:
    """The shop's name, colour, logo and contact; the defaults where nobody has set them. For the staff."""
    require_staff(caller)
    return _answer(await channel_settings.one(services_of(request), channel))


@router.put(
    "/{channel}",
    **operation(
        "set_channel",
        Answer(200, Channel, headers=[ETAG]),
        body=SetChannel,
        keyed=False,
        parameters=[{**IF_MATCH, "required": False}],
    ),
)
async def set_channel(channel: str, request: Request, caller: Caller) -> Response:
    """Set all of them at once: what is left out has its default again. The portal and messages use them at once. With
    `If-Match` it is refused where somebody else has changed the channel since (412 `channel_changed`)."""
    require(caller, *channel_settings.SET_BY)
    parsed, header = await read(request, SetChannel), request.headers.get("if-match")
    versions = versions_in(header) if header else None
    return _answer(await channel_settings.put(services_of(request), caller, channel, parsed.model, versions))


def _answer(found: ListedChannel) -> Response:
    return json_response(asdict(found), headers={"ETag": f'"{found.version}"'})
