"""Sends messages to customers: the words are frozen before the first try, the provider is asked under one key."""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.gateways import MessageGateway, ProviderRefused, ProviderUnavailable
from domain.notifications import CODES_ISSUED
from infra.db.autocommit import autocommit
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Connection, Database
from infra.db.notifications import send_queue
from infra.db.notifications.send_queue import Claimed, Settled
from infra.db.virtual import issued_codes
from infra.gateways.registry import close_all
from infra.observability.metrics import MESSAGES
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from workers.polling import run_until_done
from workers.relay.notification_rendering import RenderedNotification, event_of, render

AT_ONCE = 32
MAX_BACKOFF_S = 900.0
STOP_S = 5.0
# What is answered within this time is settled together; whoever takes longer holds up nobody.
LINGER_S = 0.1
Sending = set[asyncio.Task[Settled]]
_log = logging.getLogger(__name__)


class NotificationSender:
    """One lane per channel with something due. `fresh` is set when there is something new to send."""

    def __init__(
        self, database: Database, vault: Vault, settings: Settings, gateways: Mapping[str, MessageGateway]
    ) -> None:
        self.fresh = asyncio.Event()
        self._database = database
        self._keys = KeyRing(vault)
        self._settings = settings
        self._gateways = gateways
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._rests_until_s: dict[str, float] = {}
        self._closing = False

    async def step(self) -> bool:
        """Open a lane for each channel that has something due and none yet; True when there is one."""
        async with autocommit(self._database) as connection:
            due = await send_queue.due_channels(connection)
        for channel in due:
            if channel not in self._lanes and not self._rests(channel):
                self._open_lane(channel)
        return bool(due)

    async def close(self) -> None:
        """Let what is being sent end, cancel what takes too long: its lease brings it back, under the same key."""
        self._closing = True
        await run_until_done(list(self._lanes.values()), STOP_S)
        await close_all(self._gateways)

    def _open_lane(self, channel: str) -> None:
        lane = asyncio.create_task(self._drain(channel))
        self._lanes[channel] = lane
        lane.add_done_callback(lambda _: self._lanes.pop(channel, None))

    def _rests(self, channel: str) -> bool:
        """True while the channel's provider is left alone by its breaker."""
        return asyncio.get_running_loop().time() < self._rests_until_s.get(channel, 0.0)

    async def _drain(self, channel: str) -> None:
        sending: Sending = set()
        try:
            while await self._turn(channel, sending):
                continue
        except Exception:
            # The leases run out and the next step opens the lane anew.
            _log.warning("a sending task ended early", exc_info=True, extra={"channel": channel})
        finally:
            for task in sending:
                task.cancel()

    async def _turn(self, channel: str, sending: Sending) -> bool:
        """Fill the lane, wait a little, settle what is over; False when nothing is under way any more."""
        over: list[Settled] = []
        room = AT_ONCE - len(sending)
        if room and not self._closing and not self._rests(channel):
            over = await self._begin(channel, room, sending)
        if sending:
            done, _ = await asyncio.wait(sending, timeout=LINGER_S)
            sending -= done
            over += [task.result() for task in done]
        if over:
            await self._settle(channel, over)
        return bool(sending or over)

    async def _begin(self, channel: str, room: int, sending: Sending) -> list[Settled]:
        """Claim, keep the words of what was never tried, and begin to send; what cannot be sent is over at once."""
        gateway = self._gateways.get(channel)
        lease_s = 2 * (gateway.longest_s if gateway else 0.0) + 5
        async with self._database.begin() as connection:
            claimed = await send_queue.claim(connection, channel, room, lease_s)
            if gateway is None:
                return [Settled(message, "channel_off", skipped=True) for message in claimed]
            claimed = [await self._with_codes(connection, message) for message in claimed]
            ready = [render(message, self._keys, self._settings) for message in claimed]
            all_rendered = [one for one in ready if isinstance(one, RenderedNotification)]
            if fresh := [rendered.frozen for rendered in all_rendered if rendered.frozen is not None]:
                await send_queue.freeze(connection, fresh)
        sending |= {asyncio.create_task(self._send(rendered, gateway)) for rendered in all_rendered}
        return [one for one in ready if isinstance(one, Settled)]

    async def _with_codes(self, connection: Connection, message: Claimed) -> Claimed:
        """A message that says codes, with them; they are read as late as possible."""
        if message.template != CODES_ISSUED or message.order_no is None or message.body_enc is not None:
            return message
        try:
            found = await issued_codes.of_order(connection, self._keys, message.order_no)
        except Unreadable:
            return message  # it leads to the order all the same
        return replace(message, codes=tuple(one.code for one in found))

    async def _send(self, rendered: RenderedNotification, gateway: MessageGateway) -> Settled:
        message, name = rendered.message, gateway.name
        try:
            return Settled(message, provider=name, provider_ref=await gateway.send(rendered.words))
        except ProviderRefused as error:
            return Settled(message, error.code, name, final=True)
        except ProviderUnavailable as error:
            unsent = error.code == "circuit_open"
            return Settled(message, error.code, name, uncounted=unsent, delay_s=error.retry_after_s or 0.0)
        except Exception:
            _log.exception("a message fails because of an internal error", extra=event_of(message))
            return Settled(message, "internal_error", name)

    async def _settle(self, channel: str, over: Sequence[Settled]) -> None:
        timed = [replace(one, delay_s=self._delay_s(one)) for one in over]
        async with autocommit(self._database) as connection:
            await send_queue.settle(connection, timed, self._settings.message_attempts)
        for one in timed:
            MESSAGES.labels(channel, "skipped" if one.skipped else "failed" if one.error else "taken").inc()
            if one.uncounted:
                self._rests_until_s[channel] = asyncio.get_running_loop().time() + one.delay_s
            elif one.error and not one.skipped:
                _log.warning("message not delivered", extra={**event_of(one.message), "code": one.error})

    def _delay_s(self, one: Settled) -> float:
        """Until the next try: doubled each time, never before the provider wants it."""
        if one.uncounted:
            return min(MAX_BACKOFF_S, max(one.delay_s, 0.1))
        doubled = self._settings.message_backoff_s * 2.0 ** min(one.message.tries - 1, 30)
        return max(random.uniform(0.5, 1.0) * min(MAX_BACKOFF_S, doubled), min(one.delay_s, MAX_BACKOFF_S))
