"""Group robots of DingTalk and WeCom: markdown to an address that holds a token, and an answer with an error code."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import orjson

from infra import webhook_client
from infra.alerts.message import Message
from infra.alerts.outcome import Outcome, text_of

MAX_ANSWER_BYTES = 16_384
MAX_WECOM_BYTES = 4_096
# What would link, format, or call somebody; the wide forms of these signs say the same and do nothing.
_WIDE = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "[]<>*`@\\"})


async def to_dingtalk(http: httpx.AsyncClient, target: dict[str, str], message: Message, _: str) -> Outcome:
    """A custom robot's markdown message; signed when the channel has a secret."""
    url = target["url"]
    if secret := target.get("secret"):
        url = signed(url, secret, int(datetime.now(UTC).timestamp() * 1000))
    body = {"msgtype": "markdown", "markdown": {"title": plain(message.title), "text": markdown(message)}}
    return await _outcome(http, url, body)


async def to_wecom(http: httpx.AsyncClient, target: dict[str, str], message: Message, _: str) -> Outcome:
    """A group robot's markdown message, which has at most 4,096 bytes."""
    content = markdown(message).encode()[:MAX_WECOM_BYTES].decode(errors="ignore")
    return await _outcome(http, target["url"], {"msgtype": "markdown", "markdown": {"content": content}})


def signed(url: str, secret: str, timestamp_ms: int) -> str:
    """The robot's address with timestamp and signature: HMAC-SHA256 over "timestamp\\nsecret", keyed by the secret."""
    digest = hmac.digest(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), "sha256")
    sign = quote(base64.b64encode(digest), safe="")
    return f"{url}{'&' if '?' in url else '?'}timestamp={timestamp_ms}&sign={sign}"


def plain(value: str) -> str:
    """A value that can neither format nor link nor call anybody."""
    return value.translate(_WIDE)


def markdown(message: Message) -> str:
    """Title, lines and link in the part of markdown that both robots show."""
    lines = [f"**{label}** {plain(value)}" if value else plain(label) for label, value in message.lines]
    return "\n\n".join([f"### {plain(message.title)}", *lines, f"[{message.link_words}]({message.link})"])


async def _outcome(http: httpx.AsyncClient, url: str, body: Mapping[str, object]) -> Outcome:
    headers = {"content-type": "application/json", "user-agent": "durable-oms"}
    status, answer = await webhook_client.exchange(http, url, headers, orjson.dumps(body), MAX_ANSWER_BYTES)
    if not 200 <= status < 300:
        return Outcome(f"http_{status}")
    try:
        reply = orjson.loads(answer)
    except orjson.JSONDecodeError:
        reply = None
    if not isinstance(reply, dict) or not isinstance(reply.get("errcode"), int):
        return Outcome("answer_unreadable")
    words = text_of(reply.get("errmsg"))
    return Outcome(f"errcode_{reply['errcode']}" if reply["errcode"] else None, words)
