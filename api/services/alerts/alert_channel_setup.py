"""Channels for alerts to staff: added, listed, removed, tested."""

import base64
import re
import secrets
from dataclasses import asdict, dataclass

from api.dependencies import Services, actor, derived_id
from api.errors import Problem
from api.idempotency import HOLD_S, request_of
from api.replies import Reply, as_sent
from api.schemas.alerts import NewChannel
from api.services.webhooks.webhook_targets import require_public
from domain.access import Principal
from domain.alerts import ChannelKind
from domain.errors import NotFound
from infra.alerts import email, message, sending
from infra.alerts.outcome import Outcome
from infra.db import idempotency
from infra.db.alerts import alert_channels, alerts
from infra.db.idempotency import Answered
from infra.security.crypto import Unreadable
from infra.security.network_addresses import Reach

OpenCause = alerts.OpenCause
_ID = re.compile(r"^nch_[0-9a-f]{32}$")
_SECRET_BYTES = 32


async def add(services: Services, caller: Principal, key: str, digest: bytes, request: NewChannel) -> Reply:
    """Add a channel; a webhook's signing secret is made here and shown by this answer (and its repeat) only.

    Raises Problem `webhook_target_refused`, `email_not_configured`.
    """
    await _require_reachable(services, request)
    channel_id = f"nch_{derived_id(caller, key, 'notice channel')}"
    target = _target(request)
    async with services.database.begin() as conn:
        claim = await idempotency.claim(conn, services.keys, request_of(caller, key, digest), HOLD_S, channel_id)
        if isinstance(claim, Answered):
            known = await alert_channels.secret_of(conn, services.keys.vault, channel_id)
            return Reply(_with_secret(claim.response, request, known), claim.status_code, replayed=True)
        causes = sorted({kind.value for kind in request.causes})
        wanted = alert_channels.NewChannel(
            channel_id, request.kind.value, request.name, request.language.value, causes, target, actor(caller)
        )
        fields = await alert_channels.add(conn, services.keys.vault, wanted)
        # The kept answer is without the secret, which stays encrypted.
        await idempotency.finish(conn, services.keys, claim, 201, as_sent(fields))
    return Reply(_with_secret(asdict(fields), request, target.get("secret")), 201)


@dataclass(frozen=True, slots=True)
class ChannelSecret:
    """The name of an added channel, and the signing secret that is shown once."""

    name: str
    secret: str | None


def added_channel(reply: Reply) -> ChannelSecret:
    """What the person who added the channel is shown."""
    return ChannelSecret(reply.content["name"], reply.content.get("secret"))


async def _require_reachable(services: Services, request: NewChannel) -> None:
    if request.kind is not ChannelKind.EMAIL:
        await require_public(request.target, Reach.from_settings(services.settings))
    elif not email.configured(services.settings):
        raise Problem("email_not_configured", "set OMS_SMTP_HOST and OMS_SMTP_FROM first")


def _target(request: NewChannel) -> dict[str, str]:
    if request.kind is ChannelKind.EMAIL:
        return {"address": request.target}
    if request.kind is ChannelKind.WEBHOOK:
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        return {"url": request.target, "secret": secret}
    return {"url": request.target} | ({"secret": request.secret} if request.secret else {})


def _with_secret(fields: dict[str, object], request: NewChannel, secret: str | None) -> dict[str, object]:
    """A webhook's secret is ours to tell; DingTalk's was the caller's."""
    return {**fields, "secret": secret} if request.kind is ChannelKind.WEBHOOK else fields


async def open_causes(services: Services) -> list[OpenCause]:
    """The causes of alerts that last, the oldest first."""
    async with services.database.begin() as conn:
        return await alerts.open_causes(conn)


async def list_channels(services: Services) -> list[alert_channels.ListedChannel]:
    """All active channels without their secrets, the oldest first."""
    async with services.database.begin() as conn:
        return await alert_channels.every(conn, services.keys.vault)


async def remove(services: Services, caller: Principal, channel_id: str) -> None:
    """Send no alerts there any more. Raises NotFound `notice_channel_not_found`."""
    async with services.database.begin() as conn:
        if not _ID.match(channel_id) or not await alert_channels.remove(conn, channel_id, actor(caller)):
            raise NotFound("notice_channel_not_found")


async def test(services: Services, channel_id: str) -> Outcome:
    """Send a test notice now, and say what the channel said. Raises NotFound `notice_channel_not_found`."""
    async with services.database.begin() as conn:
        channel = await alert_channels.find(conn, channel_id) if _ID.match(channel_id) else None
    if channel is None:
        raise NotFound("notice_channel_not_found")
    try:
        target = alert_channels.target_of(services.keys.vault, channel)
    except Unreadable:
        return Outcome("secret_unreadable")
    words = message.of_test(channel.language, services.settings)
    return await sending.send(services.settings, channel.kind, target, words, f"test_{secrets.token_hex(16)}")
