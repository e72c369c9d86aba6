"""The stylesheet of a channel's look: for everybody, since it holds nothing but colours."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from api.dependencies import services_of
from api.portal.rendering import HOME
from api.presenters import channel_looks
from api.services.channels import channel_settings
from domain.channels import ChannelLook

router = APIRouter(prefix=f"{HOME}/looks")

_FOR_GOOD = "public, max-age=31536000, immutable"
_SUFFIX = ".css"


@router.get("/{file_name}")
async def stylesheet(request: Request, file_name: str, v: str = "") -> Response:
    """Kept for good under its version; whatever cannot be a channel has the default look."""
    channel = file_name.removesuffix(_SUFFIX)
    known = file_name.endswith(_SUFFIX) and channel_settings.is_channel(channel)
    look = await channel_settings.look_of(services_of(request), channel) if known else ChannelLook()
    current = v == channel_looks.version(look)
    headers = {"Cache-Control": _FOR_GOOD if current else "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(channel_looks.stylesheet(look), headers=headers, media_type="text/css")
