"""Notifications to the product: signed, kept until acknowledged, sent again after a restart.

Delivery is at least once and in no promised order. The signature follows the Standard Webhooks specification.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime

import orjson
from standardwebhooks import Webhook

from infra.sandbox.faults import Faults, Target
from infra.sandbox.ledger import Ledger, Row, new_id
from infra.sandbox.poster import Poster, PostError

logger = logging.getLogger(__name__)

_SENDERS = 16
_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 10.0


class Webhooks:
    """The outgoing post. Without `url` everything waits in the ledger."""

    def __init__(self, ledger: Ledger, faults: Faults, url: str, secret: str) -> None:
        self._ledger, self._faults, self._url = ledger, faults, url
        self._signer = Webhook(secret) if url else None
        self._due: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    def enqueue(self, event_type: str, data: Row, target: Target, kind: str) -> None:
        """Write `{type, data}` into the ledger, in the transaction that is open, and have it sent."""
        webhook_id = new_id("msg")
        body = orjson.dumps({"type": event_type, "data": data}).decode()
        copies = self._faults.copies(target, kind, data["order_no"])
        with self._ledger.write():
            self._ledger.insert("webhooks", {"id": webhook_id, "body": body, "copies": copies})
        if self._signer is not None:
            self._due.put_nowait((webhook_id, 0))

    async def run(self) -> None:
        """Send until cancelled, first what an earlier life of the process left behind."""
        if self._signer is None:
            return
        self._due = asyncio.Queue()
        for row in self._ledger.all("SELECT id FROM webhooks ORDER BY seq"):
            self._due.put_nowait((row["id"], 0))
        await asyncio.gather(*(self._send_for_ever(Poster(self._url), self._signer) for _ in range(_SENDERS)))

    async def _send_for_ever(self, poster: Poster, signer: Webhook) -> None:
        while True:
            webhook_id, failures = await self._due.get()
            try:
                sent = await self._send(poster, signer, webhook_id)
            except Exception:
                logger.exception("webhook %s not sent; trying again", webhook_id)
                sent = False
            if not sent:
                retry_s = min(_FIRST_RETRY_S * 2 ** min(failures, 30), _LAST_RETRY_S)
                asyncio.get_running_loop().call_later(retry_s, self._due.put_nowait, (webhook_id, failures + 1))

    async def _send(self, poster: Poster, signer: Webhook, webhook_id: str) -> bool:
        row = self._ledger.one("SELECT body, copies FROM webhooks WHERE id = ?", webhook_id)
        if row is None:
            return True
        if not await _posted(poster, signer, webhook_id, row["body"]):
            return False
        self._acknowledged(webhook_id, row["copies"])
        return True

    def _acknowledged(self, webhook_id: str, copies: int) -> None:
        if copies > 1:
            self._ledger.run("UPDATE webhooks SET copies = copies - 1 WHERE id = ?", webhook_id)
            self._due.put_nowait((webhook_id, 0))
        else:
            self._ledger.run("DELETE FROM webhooks WHERE id = ?", webhook_id)


async def _posted(poster: Poster, signer: Webhook, webhook_id: str, body: str) -> bool:
    """Whether the receiver acknowledged it."""
    now = int(time.time())
    headers = {
        "content-type": "application/json",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(now),
        "webhook-signature": signer.sign(webhook_id, datetime.fromtimestamp(now, UTC), body),
    }
    try:
        status = await poster.post(body.encode(), headers)
    except PostError as error:
        logger.info("webhook %s not delivered: %s", webhook_id, error)
        return False
    return 200 <= status < 300
