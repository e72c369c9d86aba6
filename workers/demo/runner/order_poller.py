"""Which orders are open and how far each has come: a few list calls a second, however many orders there are."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from domain.orders import status as order_status
from workers.demo.api_client.api.orders import list_orders
from workers.demo.api_client.models import OrderRow
from workers.demo.api_client.models.status import Status, check_status
from workers.demo.http.client import PAGE, Clients, all_items
from workers.demo.results.statistics import STAGES, Statistics
from workers.demo.runner.orders import CHANNEL

POLL_S = 0.4
# In this order no order is missed: one that moves on between two calls is met by a later one.
OPEN = tuple(check_status(status.value) for status in order_status.Status if status not in order_status.TERMINAL)


@dataclass
class OpenOrder:
    """An order in progress. `parked_at` is the step that is parked, `closed` that no list of open orders has it."""

    order_no: str
    placed_at: float
    stage: int = 1
    parked_at: str | None = None
    closed: bool = False
    acted_at: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note_action(self) -> None:
        """What was read before now no longer says whether the order is parked."""
        self.acted_at, self.parked_at = time.monotonic(), None

    def update(self, *, parked_at: str | None, closed: bool, read_at: float) -> None:
        """Take over what a list says."""
        if read_at > self.acted_at:
            self.parked_at = parked_at
        self.closed = closed
        self.changed.set()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until it is true; it is checked whenever a list was read."""
        while not condition():
            self.changed.clear()
            await self.changed.wait()

    async def wait_until_parked_or_closed(self) -> None:
        """Wait until support or nobody is to act."""
        await self.wait_until(lambda: self.parked_at is not None or self.closed)


class OrderPoller:
    """The orders in progress."""

    def __init__(self, clients: Clients, statistics: Statistics, since: str) -> None:
        self._clients, self._statistics, self._since = clients, statistics, since
        self._open: dict[str, OpenOrder] = {}

    def add(self, order_no: str) -> OpenOrder:
        order = self._open[order_no] = OpenOrder(order_no, time.monotonic())
        self._statistics.advance(0, 1)
        return order

    def remove(self, order: OpenOrder, stage: int) -> None:
        """It has ended, having reached this stage."""
        self._open.pop(order.order_no, None)
        self._advance(order, stage)

    @property
    def parked(self) -> int:
        return sum(1 for order in self._open.values() if order.parked_at)

    @property
    def open(self) -> int:
        return len(self._open)

    async def poll(self) -> None:
        """Read the lists until cancelled."""
        while True:
            if self._open:
                await self._read_lists()
            await asyncio.sleep(POLL_S)

    async def _read_lists(self) -> None:
        read_at, listed = time.monotonic(), set()
        for status in OPEN:
            async for row in self._rows(status):
                listed.add(row.order_no)
                if order := self._open.get(row.order_no):
                    self._advance(order, STAGES[row.status])
                    order.update(parked_at=row.needs_attention, closed=False, read_at=read_at)
        for order in self._open.values():
            if order.order_no not in listed and order.placed_at < read_at:
                order.update(parked_at=None, closed=True, read_at=read_at)

    def _rows(self, status: Status) -> AsyncIterator[OrderRow]:
        return all_items(
            lambda cursor: list_orders.asyncio(
                client=self._clients.support,
                status=status,
                channel=CHANNEL,
                created_from=self._since,
                limit=PAGE,
                cursor=cursor,
            )
        )

    def _advance(self, order: OpenOrder, stage: int) -> None:
        if stage > order.stage:
            self._statistics.advance(order.stage, stage)
            order.stage = stage
