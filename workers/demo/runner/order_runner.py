"""Runs every basket to its end: places it as it is, corrects it when it is refused, follows it, checks how it ended."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

from domain.text import counted
from workers.demo.api_client.api.orders import list_order_events, place_order
from workers.demo.api_client.models import Order, PlacedOrder, TimelineEvent
from workers.demo.baskets.dataset import Basket, Line
from workers.demo.behaviour.actors import CANCELLATION_TOO_LATE, ApiActors
from workers.demo.behaviour.credit import grant
from workers.demo.behaviour.scenario_scripts import SCRIPTS
from workers.demo.behaviour.scenarios import SPECS, Scenario
from workers.demo.http.client import PAGE, Clients, RefusedError, accepted, all_items
from workers.demo.plan import Plan, PlannedOrder
from workers.demo.results.parcels import note_shipped, parts_shipped
from workers.demo.results.statistics import STAGES, EndedOrder, Statistics
from workers.demo.results.stock_ledger import StockLedger
from workers.demo.runner import orders
from workers.demo.runner.order_poller import OpenOrder, OrderPoller

IN_PROGRESS = 60
# So many orders may wait for their stock: on a busy machine more would only wait longer, until payments come too late.
UNRESERVED = 12
# No order of the demo takes longer, unless something is wrong.
LIMIT_S = 180.0
MAX_CORRECTIONS = 6
Lines = tuple[Line, ...]
# The provider of the capture of an order on payment terms: no money moves.
ON_ACCOUNT = "terms"


class OrderRunner:
    """One run of a plan; `poller` and `statistics` may be read meanwhile."""

    def __init__(self, clients: Clients, plan: Plan, stock: StockLedger, max_lines: int) -> None:
        self._clients, self._plan, self._max_lines = clients, plan, max_lines
        self.statistics = Statistics(stock=stock)
        self._unreserved = asyncio.Semaphore(UNRESERVED)
        since = datetime.now(UTC) - timedelta(seconds=1)
        self.poller = OrderPoller(clients, self.statistics, since.isoformat())

    async def run(self) -> None:
        """Returns when every order has ended or exceeded the time limit."""
        polling = asyncio.create_task(self.poller.poll())
        running = asyncio.ensure_future(self._run_all(self._plan.orders()))
        try:
            await asyncio.wait({polling, running}, return_when=asyncio.FIRST_COMPLETED)
            if polling.done():
                polling.result()
            await running
        finally:
            for task in (polling, running):
                task.cancel()
            await asyncio.gather(polling, running, return_exceptions=True)

    async def _run_all(self, planned: Iterator[PlannedOrder]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(IN_PROGRESS, self._plan.count)):
                group.create_task(self._run_each(planned))

    async def _run_each(self, planned_orders: Iterator[PlannedOrder]) -> None:
        for planned in planned_orders:
            self.statistics.reached[0] += 1
            try:
                await self._run_order(planned)
            except RefusedError as refused:
                description = SPECS[planned.scenario].description
                self.statistics.add_deviation(f"basket {planned.basket.basket_id}: {refused} ({description})")

    async def _run_order(self, planned: PlannedOrder) -> None:
        async with self._unreserved:
            if planned.scenario is Scenario.ON_TERMS:
                await grant(self._clients, self._plan, planned.basket)
            lines, placed = await self._place(planned)
            if placed is None:
                self._note_not_placed(planned.basket)
                return
            order = self._opened(placed, lines)
            if planned.scenario is not Scenario.BACKORDERED:
                await self._wait_for_stock(order)
        actors = ApiActors(self._clients, self.statistics, order, planned.arrangements)
        ended: Order | None = None
        try:
            async with asyncio.timeout(LIMIT_S):
                await SCRIPTS[planned.scenario](actors, planned.basket)
                ended = await actors.wait_for_end()
        except TimeoutError:
            self._note_unfinished(order, planned.scenario)
        finally:
            self.poller.remove(order, order.stage)
        if ended is not None:
            await self._check(order, actors, planned, ended)

    async def _place(self, planned: PlannedOrder) -> tuple[Lines, PlacedOrder | None]:
        """The lines that were accepted and the API's answer; None where no acceptable line is left."""
        basket, lines = planned.basket, planned.basket.lines
        for attempt in range(MAX_CORRECTIONS):
            body = orders.body(basket, lines, planned.scenario, self._clients.run)
            key = self._clients.key(f"place-{basket.basket_id}-{attempt}")
            try:
                call = place_order.asyncio(client=self._clients.channel, body=body, idempotency_key=key)
                placed = await accepted(call)
            except RefusedError as refused:
                self.statistics.refusals[refused.code] += 1
                left = orders.corrected(refused.code, lines, self._plan.articles, self._max_lines)
                if not left:
                    if left is None:
                        raise
                    return (), None
                lines = left
            else:
                self.statistics.corrected += attempt > 0
                return lines, placed
        raise RefusedError("cannot_be_corrected", "refused after every correction")

    def _opened(self, placed: PlacedOrder, lines: Lines) -> OpenOrder:
        self.statistics.placed += 1
        total_minor = self._plan.total_minor(lines)
        if placed.total_minor != total_minor:
            self.statistics.add_deviation(f"{placed.order_no} costs {placed.total_minor} instead of {total_minor}")
        return self.poller.add(placed.order_no)

    async def _wait_for_stock(self, order: OpenOrder) -> None:
        """Its stock is reserved or refused; an order that takes too long is reported as not ended later."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await order.wait_until(lambda: order.stage > 1 or order.closed)

    def _note_not_placed(self, basket: Basket) -> None:
        self.statistics.nothing_left += 1
        if self._plan.sendable(basket.lines):
            self.statistics.add_deviation(f"basket {basket.basket_id} was refused although some of it can be sent")

    def _note_unfinished(self, order: OpenOrder, scenario: Scenario) -> None:
        state = f"parked at {order.parked_at}" if order.parked_at else "in progress"
        self.statistics.close(scenario, "not ended", f"{order.order_no} is still {state} after {LIMIT_S:.0f} s")

    async def _check(self, order: OpenOrder, actors: ApiActors, planned: PlannedOrder, ended: Order) -> None:
        timeline = [event async for event in self._timeline(ended.order_no)]
        self.poller.remove(order, _reached(timeline))
        if any(event.type_ == "cancel_refused" for event in timeline):
            # A cancellation that was accepted may still find the parcel on its way.
            actors.too_late = CANCELLATION_TOO_LATE
        self._close(planned.scenario, actors, ended, _end_of(ended, timeline))
        self.statistics.ended.append(_ended(ended, actors.refunded_minor))
        note_shipped(self.statistics.stock, ended)

    def _timeline(self, order_no: str) -> AsyncIterator[TimelineEvent]:
        return all_items(
            lambda cursor: list_order_events.asyncio(order_no, client=self._clients.support, limit=PAGE, cursor=cursor)
        )

    def _close(self, scenario: Scenario, actors: ApiActors, ended: Order, end: str) -> None:
        """Count the end, and whether it is the right one with the right amount of money."""
        too_late = actors.too_late
        expected = too_late.end if too_late else SPECS[scenario].end
        wrong = None if end == expected else f"{ended.order_no} ended as {end} instead of {expected}"
        self.statistics.statuses[ended.status] += 1
        status = f"{end} ({too_late.description})" if too_late else end
        wrong = wrong or _wrong_money(ended, actors.refunded_minor) or _wrong_parts(ended, actors, scenario)
        self.statistics.close(scenario, status, wrong)


def _reached(timeline: list[TimelineEvent]) -> int:
    return max((STAGES.get(event.to_status or "", 1) for event in timeline), default=1)


def _end_of(order: Order, timeline: list[TimelineEvent]) -> str:
    if order.status != "cancelled":
        return order.status
    last = next(event for event in reversed(timeline) if event.to_status == "cancelled")
    return f"{order.status}: {last.data.to_dict().get('cause')}"


def _succeeded(order: Order, kind: str) -> int:
    return sum(
        payment.amount_minor
        for payment in order.payments
        if payment.kind == kind and payment.status == "succeeded" and payment.provider != ON_ACCOUNT
    )


def _wrong_money(order: Order, refunded_minor: int) -> str | None:
    """What is wrong with an ended order's money: a completed one is paid once, less what was refunded after delivery;
    of a cancelled one everything is refunded."""
    held = _succeeded(order, "capture") - _succeeded(order, "refund")
    due = _due_minor(order, refunded_minor)
    return None if held == due else f"{order.order_no} is {order.status} and holds {held} instead of {due} cents"


def _due_minor(order: Order, refunded_minor: int) -> int:
    return order.total_minor - refunded_minor if order.status == "completed" else 0


def _wrong_parts(order: Order, actors: ApiActors, scenario: Scenario) -> str | None:
    parts, expected = parts_shipped(order), SPECS[scenario].parts
    if parts >= expected or actors.too_late:
        return None
    return f"{order.order_no} was shipped in {parts} instead of {counted(expected, 'part')}"


def _ended(order: Order, refunded_minor: int) -> EndedOrder:
    parcels: dict[str, tuple[int, str]] = {
        parcel.tracking_no: (parcel.fulfilment_no, parcel.status) for parcel in order.shipments if parcel.tracking_no
    }
    captured, refunded = _succeeded(order, "capture"), _succeeded(order, "refund")
    return EndedOrder(order.order_no, captured, refunded, _due_minor(order, refunded_minor), parcels)
