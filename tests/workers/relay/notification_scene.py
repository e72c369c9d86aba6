"""The database, the sandbox as a process, and the relay's part that tells customers: what tests of messages share."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from infra.db.autocommit import autocommit
from infra.db.customers.profiles import profile_context
from infra.db.engine import Database
from infra.db.messaging import outbox
from infra.gateways.registry import build_messages
from infra.security.crypto import Vault
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import database, place, sql, vault
from workers.relay.notification_sender import NotificationSender

EMAIL, PHONE = "xiaoming@example.com", "+86 138 0013 8000"
_numbers = itertools.count(1)


@dataclass
class Post:
    """Sends what is due, against one sandbox."""

    urls: DatabaseUrls
    settings: Settings
    database: Database
    notification_sender: NotificationSender
    sandbox: httpx.AsyncClient
    folder: Path
    vault: Vault = field(default_factory=vault)

    async def customer(self, email: str | None = EMAIL, phone: str | None = None, **more: str) -> str:
        """A customer with a sealed profile, as an order leaves it; returns the customer's id."""
        customer_id = f"c-{next(_numbers)}-told"
        plain, wrapped = self.vault.new_data_key()
        profile = {"name": "Wang Xiaoming", "email": email, "phone": phone, **more}
        await sql(
            self.urls.app_url,
            "INSERT INTO customers (customer_id, data_key, profile_enc, email_index, phone_index)"
            " VALUES (%s, %s, %s, %s, %s)",
            customer_id,
            wrapped,
            self.vault.seal_json(plain, profile, profile_context(customer_id)),
            self.vault.blind_index("email", email) if email else None,
            self.vault.blind_index("phone", phone) if phone else None,
        )
        return customer_id

    async def order(self, email: str | None = EMAIL, phone: str | None = None, country: str = "US", **more: str) -> str:
        """A placed order of a new customer."""
        customer = await self.customer(email, phone, **more)
        return await place(self.urls, customer=customer, country=country, total_minor=8320)

    async def make(self) -> int:
        """Turn events into messages; how many there are to send."""
        async with autocommit(self.database) as connection:
            return (await outbox.fan_out(connection, 500)).notified

    async def turn(self, notification_sender: NotificationSender | None = None) -> None:
        """Make messages and send all that is due."""
        one = notification_sender or self.notification_sender
        await self.make()
        await one.step()
        await asyncio.gather(*one._lanes.values())

    @asynccontextmanager
    async def impatient(self) -> AsyncIterator[NotificationSender]:
        """A relay that waits a second for the provider's answer."""
        settings = self.settings.model_copy(update={"gateway_timeout_s": 1.0, "message_attempts": 100})
        notification_sender = NotificationSender(self.database, self.vault, settings, build_messages(settings))
        yield notification_sender
        await notification_sender.close()

    async def later(self, seconds: float) -> None:
        """As if so much time had passed since the last tries."""
        await sql(
            self.urls.owner_url,
            f"UPDATE messages SET next_try_at = next_try_at - make_interval(secs => {seconds}) WHERE state = 'open'",
        )
        self.notification_sender._rests_until_s.clear()

    async def states(self, order_no: str) -> list[tuple[Any, ...]]:
        """(fact, channel, state, tries, last_error) of an order's messages."""
        return await sql(
            self.urls.app_url,
            "SELECT fact, channel, state, tries, last_error FROM messages WHERE order_no = %s ORDER BY event_seq",
            order_no,
        )

    async def sent(self, **filters: str) -> list[dict[str, Any]]:
        """What the provider took."""
        items: list[dict[str, Any]] = (await self.sandbox.get("/messages", params=filters)).json()["items"]
        return items

    async def content(self, message: dict[str, Any]) -> dict[str, Any]:
        """What a message said, {to, subject, body}, as the sandbox remembers it."""
        answer = await self.sandbox.get(f"/messages/{message['id']}/content")
        assert answer.status_code == 200, answer.text
        content: dict[str, Any] = answer.json()
        return content

    async def fault(self, mode: str, count: int = 1, **match: str) -> None:
        body = {"target": "messages", "mode": mode, "count": count, "match": match}
        assert (await self.sandbox.post("/faults", json=body)).status_code == 201


@asynccontextmanager
async def posting(urls: DatabaseUrls, settings: Settings, folder: Path) -> AsyncIterator[Post]:
    """A scene on a sandbox that runs at `settings.sandbox_url`."""
    async with database(settings) as opened, httpx.AsyncClient(base_url=settings.sandbox_url, timeout=60) as client:
        notification_sender = NotificationSender(opened, vault(), settings, build_messages(settings))
        yield Post(urls, settings, opened, notification_sender, client, folder)
        await client.delete("/faults")
        await notification_sender.close()
