"""Reservations that run at the same time in a process are one transaction: decision 0028.

One connection serves them. Orders that arrive while its transaction runs wait, and are reserved together by the next
one: a level that many orders want is locked once for all of them. What is not plain is left to its caller, who reserves
it alone: an order that several warehouses ship, that is short, held, paid before, or that somebody else works on.

All of a group is kept or nothing is; where anything of it fails, each is reserved alone and has its own error. Only a
time-out fails all: each statement again would make a slow database slower.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextvars import Context
from dataclasses import dataclass, replace
from datetime import datetime

from activities.orders.views import policy_of, view_from
from domain.orders.status import OrderEvent, Status
from domain.sourcing.candidates import candidates
from domain.sourcing.profile import DEFAULT_RATES
from domain.times import rfc3339
from infra.db.engine import Connection, Database
from infra.db.errors import StatementFailed, is_timeout, origin_of
from infra.db.orders.state import timeline
from infra.db.orders.state.order_state import load_states
from infra.db.stock import grouped_reservations, reservations
from infra.db.stock.grouped_reservations import Wanted
from infra.db.stock.reservations import Demand, StockContended
from infra.settings import Settings
from workflows.payloads import OrderView

# Orders in a transaction, and transactions at a time: one is prepared while the other waits for the level or the disk.
MOST, GROUPS = 32, 2
# How often a group reads again when another process took the units first.
TRIES = 3


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    order_no: str
    answer: asyncio.Future[OrderView | None]


@dataclass(frozen=True, slots=True)
class _Choice:
    """Where an order ships from, and when it arrives at the latest."""

    demand: Demand
    warehouse: str
    promised_to: datetime | None


class GroupedReservations:
    """One per process."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings
        self._waiting: deque[_Waiting] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._beginning = False  # somebody is about to take what waits

    async def reserve(self, order_no: str) -> OrderView | None:
        """The order's view once it is reserved; None where it is to be reserved alone, of which nothing was kept unless
        the database's answer was lost. Raises StatementFailed after a time-out."""
        waiting = _Waiting(order_no, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._begin()
        return await waiting.answer

    def _begin(self) -> None:
        if self._waiting and not self._beginning and len(self._tasks) < GROUPS:
            self._beginning = True
            # Of no order: it outlives them, and must not carry one's trace.
            task = asyncio.create_task(self._run(), name="reservations together", context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._beginning = False
        self._begin()

    async def _run(self) -> None:
        group: list[_Waiting] = []
        try:
            while group := self._take():
                await self._answer(group)
                # Those who were answered may have their next order.
                self._beginning = True
                await asyncio.sleep(0)
        finally:
            for waiting in group:
                _give(waiting, None)

    def _take(self) -> list[_Waiting]:
        """Those that wait longest, without those who left."""
        self._beginning = False
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST:
            if not (waiting := self._waiting.popleft()).answer.done():
                group.append(waiting)
        self._begin()
        return group

    async def _answer(self, group: Sequence[_Waiting]) -> None:
        views: Mapping[str, OrderView] = {}
        try:
            views = await self._reserved(list(dict.fromkeys(waiting.order_no for waiting in group)))
        except Exception as error:  # whatever it is, each meets it again alone
            if is_timeout(error):
                for waiting in group:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(StatementFailed(None, None, origin_of(error)))
        for waiting in group:
            _give(waiting, views.get(waiting.order_no))

    async def _reserved(self, order_nos: Sequence[str]) -> Mapping[str, OrderView]:
        """The views of those that were reserved."""
        for _ in range(TRIES):
            try:
                async with self._db.begin() as conn:
                    return await self._reserve(conn, order_nos)
            except StockContended:
                continue
        return {}

    async def _reserve(self, conn: Connection, order_nos: Sequence[str]) -> Mapping[str, OrderView]:
        received = await grouped_reservations.lock_received(conn, order_nos)
        # Locked first and read after: what is read beside a lock may be older than the wait for it.
        demands = await reservations.demands_of(conn, list(received)) if received else {}
        # Who waits longest takes first.
        chosen = self._chosen({order_no: demands[order_no] for order_no in order_nos if order_no in demands})
        if not chosen:
            return {}
        events = {order_no: self._event(choice) for order_no, choice in chosen.items()}
        await timeline.transition_all(conn, Status.RECEIVED, OrderEvent.STOCK_RESERVED, events)
        policy = policy_of(self._settings)
        states = await load_states(conn, list(chosen))
        # Last: all who want the same product wait from here to the end.
        await grouped_reservations.reserve_all(conn, _wanted(chosen))
        return {state.order_no: replace(view_from(state), policy=policy) for state in states}

    def _chosen(self, demands: Mapping[str, Demand]) -> dict[str, _Choice]:
        """Where each ships from, while there are units that none before it takes."""
        taken = Counter[tuple[str, str]]()
        chosen: dict[str, _Choice] = {}
        for order_no, demand in demands.items():
            if not self._is_plain(demand):
                continue
            left = {place: units - taken[place] for place, units in demand.available.items()}
            # What only a supplier has is not plain: several warehouses may have it together.
            own = [place for place in demand.warehouses if not place.supplier]
            able = candidates(demand.wanted, left, own, demand.destination)
            if able:
                chosen[order_no] = _Choice(demand, able[0], demand.promised_to(able[0], DEFAULT_RATES))
                taken.update({(able[0], sku): units for sku, units in demand.wanted.items()})
        return chosen

    def _is_plain(self, demand: Demand) -> bool:
        """False where the reservation has to do more than to reserve."""
        limit = self._settings.hold_risk_above_minor
        settled = demand.paid or demand.on_terms or demand.total_minor == 0
        watched = bool(limit) and demand.total_minor > limit
        special = demand.profiled or demand.exchange or demand.divided
        return not (demand.cancelling or demand.held or special or settled or watched)

    def _event(self, choice: _Choice) -> dict[str, object]:
        timeout_s = self._settings.payment_timeout_s
        return {
            "warehouse": choice.warehouse,
            "waiting": timeline.waiting("payment", "the order is cancelled and its stock freed", timeout_s),
            # The database writes it to the fulfilment that it creates with the event.
            "promised_to": rfc3339(choice.promised_to) if choice.promised_to else None,
        }


def _wanted(chosen: Mapping[str, _Choice]) -> list[Wanted]:
    return [
        Wanted(order_no, sku, choice.warehouse, units)
        for order_no, choice in chosen.items()
        for sku, units in choice.demand.wanted.items()
    ]


def _give(waiting: _Waiting, view: OrderView | None) -> None:
    if not waiting.answer.done():
        waiting.answer.set_result(view)
