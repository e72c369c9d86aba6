"""Which orders are open and how far each has come: a few list calls a second, however many orders there are."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.orders.status import TERMINAL, Status
from workers.demo.client import Client
from workers.demo.orders import CHANNEL
from workers.demo.statistics import STAGES, Statistics

POLL_S = 0.4
# In this order no order slips through: one that moves on between two questions is met by a later one.
OPEN = tuple(status for status in Status if status not in TERMINAL)


@dataclass
class Open:
    """An order under way. `stuck_at` is the step that is parked, `gone` that no list of open orders has it."""

    order_no: str
    placed_at: float
    stage: int = 1
    stuck_at: str | None = None
    gone: bool = False
    acted_at: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def acted(self) -> None:
        """What was asked about before now no longer tells whether it is stuck."""
        self.acted_at, self.stuck_at = time.monotonic(), None

    def see(self, *, stuck_at: str | None, gone: bool, asked_at: float) -> None:
        """Take over what a list said."""
        if asked_at > self.acted_at:
            self.stuck_at = stuck_at
        self.gone = gone
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds; asked again whenever a list was read."""
        while not holds():
            self.changed.clear()
            await self.changed.wait()


class OrderPoller:
    """The orders under way."""

    def __init__(self, client: Client, tally: Statistics, since: str) -> None:
        self._client, self._tally, self._since = client, tally, since
        self._open: dict[str, Open] = {}

    def add(self, order_no: str) -> Open:
        order = self._open[order_no] = Open(order_no, time.monotonic())
        self._tally.come(0, 1)
        return order

    def remove(self, order: Open, stage: int) -> None:
        """It has ended, having come so far."""
        self._open.pop(order.order_no, None)
        self._come(order, stage)

    @property
    def stuck(self) -> int:
        return sum(1 for order in self._open.values() if order.stuck_at)

    @property
    def open(self) -> int:
        return len(self._open)

    async def watch(self) -> None:
        """Read the lists for ever."""
        while True:
            if self._open:
                await self._look()
            await asyncio.sleep(POLL_S)

    async def _look(self) -> None:
        asked_at, seen = time.monotonic(), set()
        for status in OPEN:
            query = {"status": status.value, "channel": CHANNEL, "created_from": self._since}
            async for row in self._client.pages("support", "/v1/orders", **query):
                seen.add(row["order_no"])
                if order := self._open.get(row["order_no"]):
                    self._come(order, STAGES[row["status"]])
                    order.see(stuck_at=row["needs_attention"], gone=False, asked_at=asked_at)
        for order in self._open.values():
            if order.order_no not in seen and order.placed_at < asked_at:
                order.see(stuck_at=None, gone=True, asked_at=asked_at)

    def _come(self, order: Open, stage: int) -> None:
        if stage > order.stage:
            self._tally.come(order.stage, stage)
            order.stage = stage
