"""Tells staff what is wrong: looks for causes, makes the messages that are due, brings each to its channel."""

import asyncio
import logging
import random

from domain.alerts import ChannelKind
from infra.alerts import message, sending
from infra.alerts.outcome import Outcome
from infra.db.alerts import alert_channels, alert_deliveries, alerts
from infra.db.alerts.alert_deliveries import Delivery
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.observability.metrics import NOTICES
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workers.polling import run_until_done

MAX_BACKOFF_S = 900.0
STOP_S = 5.0
# Both kinds of robots take 20 messages a minute.
ROBOT_REST_S = 3.1
_ROBOTS = (ChannelKind.DINGTALK, ChannelKind.WECOM)
_log = logging.getLogger(__name__)


class AlertSender:
    """One lane per channel with something due: one message at a time, and a slow channel slows no other.

    `backoff_s` is the first delay after a failure; it doubles each time, with jitter. `rest_s` is the pause that a
    robot gets after each message. `fresh` is set when there is something new to send.
    """

    def __init__(
        self,
        database: Database,
        vault: Vault,
        settings: Settings,
        *,
        backoff_s: float = 2.0,
        rest_s: float = ROBOT_REST_S,
    ) -> None:
        self.fresh = asyncio.Event()
        self._database = database
        self._vault = vault
        self._settings = settings
        self._backoff_s = backoff_s
        self._rest_s = rest_s
        self._lanes: dict[str, asyncio.Task[None]] = {}

    async def poll(self) -> bool:
        """Look for causes once, unless another process does just now; True when messages were made."""
        async with self._database.begin() as connection:
            _, made = await alerts.poll(connection, self._settings)
        if made:
            self.fresh.set()
        return made > 0

    async def send_due(self) -> bool:
        """Open a lane for each channel that has something due and no lane yet; True when there is one."""
        async with autocommit(self._database) as connection:
            due = await alert_deliveries.due_channels(connection)
        for channel_id in due:
            if channel_id not in self._lanes:
                self._open_lane(channel_id)
        return bool(due)

    async def close(self) -> None:
        """Let messages under way end, cancel those that take too long: their lease brings them back."""
        await run_until_done(list(self._lanes.values()), STOP_S)

    def _open_lane(self, channel_id: str) -> None:
        lane = asyncio.create_task(self._drain(channel_id))
        self._lanes[channel_id] = lane
        lane.add_done_callback(lambda _: self._lanes.pop(channel_id, None))

    async def _drain(self, channel_id: str) -> None:
        try:
            while (delivery := await self._claim(channel_id)) is not None:
                await self._bring(delivery)
        except Exception:
            # The lease runs out and the next step opens the lane anew.
            _log.warning("a sending task ended early", exc_info=True, extra={"channel_id": channel_id})

    async def _claim(self, channel_id: str) -> Delivery | None:
        lease_s = sending.longest_s(self._settings) + 10
        async with autocommit(self._database) as connection:
            return await alert_deliveries.claim(connection, channel_id, lease_s)

    async def _bring(self, delivery: Delivery) -> None:
        error = (await self._attempt(delivery)).error
        kind = delivery.channel.kind
        NOTICES.labels(kind, "failed" if error else "taken").inc()
        # One transaction: the result is stored before the channel is free. Channel first, as `claim` does.
        async with self._database.begin() as connection:
            await alert_deliveries.rest(connection, delivery, self._rest_s if kind in _ROBOTS else 0.0)
            if error is None:
                await alert_deliveries.mark_done(connection, delivery)
                return
            delay_s, attempts = self._delay_s(delivery.tries), self._settings.notice_attempts
            await alert_deliveries.mark_failed(connection, delivery, error, delay_s, attempts)
        about = {"channel_id": delivery.channel.channel_id, "message_id": delivery.message_id, "code": error}
        _log.warning("alert not delivered", extra={**about, "attempt": delivery.tries})

    async def _attempt(self, delivery: Delivery) -> Outcome:
        channel = delivery.channel
        try:
            target = alert_channels.target_of(self._vault, channel)
            words = message.of_alert(delivery.alert, delivery.phase, channel.language, self._settings)
            return await sending.send(self._settings, channel.kind, target, words, delivery.message_id)
        except Unreadable:
            return Outcome("secret_unreadable")
        except Exception:
            # A message that cannot even be written counts its tries like any other, and is given up.
            _log.exception("an alert fails because of an internal error", extra={"message_id": delivery.message_id})
            return Outcome("internal_error")

    def _delay_s(self, tries: int) -> float:
        return random.uniform(0.5, 1.0) * min(MAX_BACKOFF_S, self._backoff_s * 2.0 ** min(tries - 1, 30))
