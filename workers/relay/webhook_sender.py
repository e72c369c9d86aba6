"""Delivers events and stock levels to webhook endpoints: in order, signed, again until taken or given up."""

import asyncio
import json
import logging
import random
from datetime import UTC, datetime

import httpx

from domain.stock.level_changed import STOCK_LEVEL_CHANGED
from infra import webhook_client
from infra.db.autocommit import autocommit
from infra.db.engine import Connection, Database
from infra.db.webhooks import deliveries, level_deliveries
from infra.db.webhooks.deliveries import Delivery, Endpoint
from infra.db.webhooks.endpoints import secret_context
from infra.db.webhooks.level_deliveries import LevelDelivery
from infra.observability.metrics import OUTBOX_LAG
from infra.observability.telemetry import bind_order
from infra.security.crypto import Unreadable, Vault
from infra.security.network_addresses import Reach
from infra.settings import Settings
from infra.webhook_client import TargetRefusedError
from workers.polling import run_until_done

AT_ONCE = 8
MAX_BACKOFF_S = 3600.0
STOP_S = 5.0
# Nobody is dead by one failure after quiet days: a message has failed this often, for about two minutes.
TRIED_ENOUGH = 8
Outgoing = Delivery | LevelDelivery
_log = logging.getLogger(__name__)


class WebhookSender:
    """One lane per endpoint with something due, so that a slow endpoint slows nobody else.

    `backoff_s` is the first delay; it doubles at each failure, with jitter, up to an hour.
    """

    def __init__(self, database: Database, vault: Vault, settings: Settings, *, backoff_s: float = 1.0) -> None:
        self._database = database
        self._vault = vault
        self._attempts = settings.webhook_attempts
        self._dead_after_s = settings.webhook_dead_after_s
        self._timeout_s = settings.webhook_timeout_s
        self._reach = Reach.from_settings(settings)
        self._backoff_s = backoff_s
        self._lanes: dict[str, asyncio.Task[None]] = {}

    async def step(self) -> bool:
        """Open a lane for each endpoint that has something due and no lane yet; True when there is one."""
        async with autocommit(self._database) as connection:
            due = await deliveries.due_endpoints(connection)
        for endpoint in due:
            if endpoint.endpoint_id not in self._lanes:
                self._open_lane(endpoint)
        return bool(due)

    async def close(self) -> None:
        """Let running deliveries end, cancel those that take too long: their lease brings them back."""
        await run_until_done(list(self._lanes.values()), STOP_S)

    def _open_lane(self, endpoint: Endpoint) -> None:
        lane = asyncio.create_task(self._drain(endpoint))
        self._lanes[endpoint.endpoint_id] = lane
        lane.add_done_callback(lambda _: self._lanes.pop(endpoint.endpoint_id, None))

    async def _drain(self, endpoint: Endpoint) -> None:
        try:
            async with webhook_client.client(self._timeout_s, self._reach) as http:
                while claimed := await self._claim(endpoint):
                    await asyncio.gather(*(self._deliver(http, endpoint, delivery) for delivery in claimed))
        except Exception:
            # The lease runs out and the next step opens the lane anew.
            _log.warning("a sending task ended early", exc_info=True, extra={"endpoint_id": endpoint.endpoint_id})

    async def _claim(self, endpoint: Endpoint) -> list[Outgoing]:
        lease_s = 2 * self._timeout_s + 5
        async with autocommit(self._database) as connection:
            events = await deliveries.claim(connection, endpoint.endpoint_id, AT_ONCE, lease_s)
            levels = await level_deliveries.claim(connection, endpoint.endpoint_id, AT_ONCE, lease_s)
        return [*events, *levels]

    async def _deliver(self, http: httpx.AsyncClient, endpoint: Endpoint, delivery: Outgoing) -> None:
        error = await self._attempt(http, endpoint, delivery)
        async with autocommit(self._database) as connection:
            if error is None:
                await _mark_done(connection, delivery)
                OUTBOX_LAG.observe((datetime.now(UTC) - delivery.occurred_at).total_seconds())
                return
            await _mark_failed(connection, delivery, error, self._delay_s(delivery.tries), self._attempts)
            enough = delivery.tries >= min(TRIED_ENOUGH, self._attempts)
            dead_after_s = self._dead_after_s if enough else 0.0
            disabled = await deliveries.note_failure(connection, endpoint.endpoint_id, error, dead_after_s)
        about = {"endpoint_id": delivery.endpoint_id, "message_id": delivery.message_id}
        order_no = delivery.order_no if isinstance(delivery, Delivery) else None
        with bind_order(order_no, step="webhook", attempt=delivery.tries):
            _log.warning("webhook not delivered", extra={**about, "code": error})
        if disabled:
            _log.error("a webhook endpoint that accepts nothing is disabled", extra={**about, "code": error})

    async def _attempt(self, http: httpx.AsyncClient, endpoint: Endpoint, delivery: Outgoing) -> str | None:
        """None when the endpoint took it, else an error code."""
        try:
            body = message(delivery)
            headers = webhook_client.signed_headers(self._secret(endpoint), delivery.message_id, body)
            # httpx counts the time-out anew for each piece that arrives; this one is for all of it.
            async with asyncio.timeout(self._timeout_s):
                status = await webhook_client.post(http, endpoint.url, headers, body)
        except (TimeoutError, httpx.TimeoutException):
            return "timeout"
        except TargetRefusedError:
            return "target_refused"
        except Unreadable:
            return "secret_unreadable"
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError):
            return "connection_failed"
        return None if 200 <= status < 300 else f"http_{status}"

    def _secret(self, endpoint: Endpoint) -> str:
        key = self._vault.unwrap(endpoint.data_key)
        return str(self._vault.open_json(key, endpoint.secret_enc, secret_context(endpoint.endpoint_id)))

    def _delay_s(self, tries: int) -> float:
        return random.uniform(0.5, 1.0) * min(MAX_BACKOFF_S, self._backoff_s * 2.0 ** min(tries - 1, 30))


async def _mark_done(connection: Connection, delivery: Outgoing) -> None:
    if isinstance(delivery, LevelDelivery):
        await level_deliveries.mark_done(connection, delivery)
    else:
        await deliveries.mark_done(connection, delivery)


async def _mark_failed(connection: Connection, delivery: Outgoing, error: str, delay_s: float, attempts: int) -> None:
    if isinstance(delivery, LevelDelivery):
        await level_deliveries.mark_failed(connection, delivery, error, delay_s, attempts)
    else:
        await deliveries.mark_failed(connection, delivery, error, delay_s, attempts)


def message(delivery: Outgoing) -> str:
    """The body: {type, timestamp (RFC 3339), data}; data is {order_no, seq, from_status, to_status, data} of an event,
    {sku, channel, available, at, sequence} of a stock level."""
    timestamp = delivery.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    kind, facts = _event(delivery) if isinstance(delivery, Delivery) else _level(delivery, timestamp)
    return json.dumps({"type": kind, "timestamp": timestamp, "data": facts}, ensure_ascii=False)


def _level(delivery: LevelDelivery, at: str) -> tuple[str, dict[str, object]]:
    return STOCK_LEVEL_CHANGED, {
        "sku": delivery.sku,
        "channel": delivery.channel,
        "available": delivery.available,
        "at": at,
        "sequence": delivery.sequence,
    }


def _event(delivery: Delivery) -> tuple[str, dict[str, object]]:
    return delivery.type, {
        "order_no": delivery.order_no,
        "seq": delivery.seq,
        "from_status": delivery.from_status,
        "to_status": delivery.to_status,
        "data": delivery.data,
    }
