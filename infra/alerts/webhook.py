"""The generic webhook: signed like every webhook of ours (Standard Webhooks), with the facts and the words."""

import json
from datetime import UTC, datetime

import httpx

from infra import webhook_client
from infra.alerts.message import Message
from infra.alerts.outcome import Outcome


async def to_webhook(http: httpx.AsyncClient, target: dict[str, str], message: Message, message_id: str) -> Outcome:
    """{type, timestamp, text, data: {kind, phase, cause, count, …}}; `text` is what chat services show."""
    body = json.dumps(
        {
            "type": message.type,
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            "text": message.text(),
            "data": message.data,
        },
        ensure_ascii=False,
    )
    headers = webhook_client.signed_headers(target["secret"], message_id, body)
    status = await webhook_client.post(http, target["url"], headers, body)
    return Outcome(None if 200 <= status < 300 else f"http_{status}", f"HTTP {status}")
