"""Alerts to staff: the current causes, and the channels, which can be added, tested and removed."""

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api.console.forms import key_of
from api.console.i18n import language
from api.console.rendering import page
from api.console.session import CurrentStaff, StaffMember, posted
from api.dependencies import require, services_of
from api.http.request_body import refused
from api.schemas.alerts import NewChannel
from api.services.alerts import alert_channel_setup
from api.services.alerts.alert_channel_setup import OpenCause
from domain.access import Role
from domain.alerts import ChannelKind, Kind, Language
from infra.alerts import email, message
from infra.alerts.i18n import word

router = APIRouter(prefix="/console/notices")

_CAUSE = "cause."


@router.get("")
async def overview(request: Request, member: CurrentStaff) -> Response:
    """The causes that last, live, and the channels."""
    require(member.principal, Role.OPERATIONS)
    return await _page(request, member)


@router.post("")
async def add(request: Request, member: CurrentStaff) -> Response:
    """Add a channel; a webhook's secret is shown this once."""
    require(member.principal, Role.OPERATIONS)
    fields = await posted(request, member)
    body = _body_of(fields)
    key = key_of(fields)
    digest = hashlib.sha256(body.model_dump_json().encode()).digest()
    answer = await alert_channel_setup.add(services_of(request), member.principal, key, digest, body)
    return await _page(request, member, added=alert_channel_setup.added_channel(answer))


@router.post("/{channel_id}/test")
async def test(request: Request, member: CurrentStaff, channel_id: str) -> Response:
    """Send a test notice, and show what the channel said."""
    require(member.principal, Role.OPERATIONS)
    await posted(request, member)
    return await _page(request, member, tested=await alert_channel_setup.test(services_of(request), channel_id))


@router.post("/{channel_id}/remove")
async def remove(request: Request, member: CurrentStaff, channel_id: str) -> Response:
    """Tell it nothing any more."""
    require(member.principal, Role.OPERATIONS)
    await posted(request, member)
    await alert_channel_setup.remove(services_of(request), member.principal, channel_id)
    return RedirectResponse("/console/notices", 303)


async def _page(request: Request, member: StaffMember, **outcome: Any) -> Response:
    services, lang = services_of(request), language(request)
    causes = await alert_channel_setup.open_causes(services)
    channels = await alert_channel_setup.list_channels(services)
    context: dict[str, Any] = {
        "added": None,
        "tested": None,
        **outcome,
        "causes": [_view(cause, lang) for cause in causes],
        "channels": channels,
        "kinds": [
            kind.value for kind in ChannelKind if kind is not ChannelKind.EMAIL or email.configured(services.settings)
        ],
        "languages": [one.value for one in Language],
        "cause_words": {kind.value: word(lang, f"kind.{kind}") for kind in Kind},
        "key": secrets.token_hex(16),
    }
    template = "notices_live.html" if request.headers.get("x-live") else "notices.html"
    return page(request, template, member=member, **context)


def _view(cause: OpenCause, lang: str) -> dict[str, Any]:
    """A cause in the words of its messages."""
    alert = cause.alert
    lines = message.lines_of(alert, lang, datetime.now(UTC))
    return {
        "title": message.headline(alert, lang),
        "lines": [f"{label}{word(lang, 'colon')}{value}" for label, value in lines],
        "path": message.path_of(alert),
        "since": alert.since,
        "told_at": cause.notified_at,
    }


def _body_of(fields: dict[str, str]) -> NewChannel:
    """The form as the HTTP call's body. Raises Problem as the call would."""
    body = {name: fields.get(name, "").strip() for name in ("kind", "name", "target", "language")}
    chosen = [name.removeprefix(_CAUSE) for name in fields if name.startswith(_CAUSE)]
    try:
        return NewChannel.model_validate({**body, "secret": fields.get("secret", "").strip() or None, "causes": chosen})
    except ValidationError as error:
        raise refused(error.errors(include_url=False, include_input=False)) from None
