"""Sends an alert over a channel; an error becomes a code."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

import httpx

from domain.alerts import ChannelKind
from infra import webhook_client
from infra.alerts import chat_robots, email, webhook
from infra.alerts.message import Message
from infra.alerts.outcome import Outcome
from infra.email import smtp
from infra.observability.telemetry import untraced
from infra.security.network_addresses import Reach
from infra.settings import Settings
from infra.webhook_client import TargetRefusedError

By = Callable[[httpx.AsyncClient, dict[str, str], Message, str], Awaitable[Outcome]]
_BY_HTTP: dict[str, By] = {
    ChannelKind.DINGTALK: chat_robots.to_dingtalk,
    ChannelKind.WECOM: chat_robots.to_wecom,
    ChannelKind.WEBHOOK: webhook.to_webhook,
}


async def send(settings: Settings, kind: str, target: dict[str, str], message: Message, message_id: str) -> Outcome:
    """One attempt; raises nothing. `target` is {url, secret} or {address}."""
    try:
        # Addresses of robots are secrets, so they stay out of traces.
        with untraced():
            if kind == ChannelKind.EMAIL:
                return await email.to_email(settings, target, message, message_id)
            return await _by_http(settings, _BY_HTTP[kind], target, message, message_id)
    except (TimeoutError, httpx.TimeoutException):
        return Outcome("timeout")
    except TargetRefusedError:
        return Outcome("target_refused")
    except ssl.SSLError:
        return Outcome("tls_failed")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, KeyError):
        return Outcome("connection_failed")


async def _by_http(settings: Settings, by: By, target: dict[str, str], message: Message, message_id: str) -> Outcome:
    timeout_s, reach = settings.webhook_timeout_s, Reach.from_settings(settings)
    async with webhook_client.client(timeout_s, reach) as http, asyncio.timeout(timeout_s):
        return await by(http, target, message, message_id)


def longest_s(settings: Settings) -> float:
    """No attempt takes longer."""
    return smtp.longest_s(settings)
