"""Walks every basket to its end: placed as it is, corrected when refused, followed, judged."""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.orders.status import Status
from domain.shipping.shipments import ShipmentStatus, has_left
from workers.demo import orders
from workers.demo.actors import ApiActors
from workers.demo.client import Client, RefusedError
from workers.demo.customers import region_of
from workers.demo.dataset import Basket, Line
from workers.demo.order_poller import Open, OrderPoller
from workers.demo.plan import Errand, Plan
from workers.demo.scenario_scripts import PLAYS
from workers.demo.scenarios import PLOTS, Scenario
from workers.demo.statistics import STAGES, Ended, Statistics

IN_FLIGHT = 60
# So many orders may wait for their stock: on a busy machine more would only wait longer, until payments come too late.
UNRESERVED = 12
# No order of the demo takes longer, unless something is wrong.
LIMIT_S = 180.0
MAX_CORRECTIONS = 6


class OrderRunner:
    """One run of a plan; `board` and `tally` may be looked at while it goes on."""

    def __init__(self, client: Client, plan: Plan, max_lines: int) -> None:
        self._client, self._plan, self._max_lines = client, plan, max_lines
        self.tally = Statistics()
        self._unreserved = asyncio.Semaphore(UNRESERVED)
        since = datetime.now(UTC) - timedelta(seconds=1)
        self.board = OrderPoller(client, self.tally, since.isoformat())

    async def run(self) -> None:
        """Answers when every order has ended or run out of time."""
        errands = self._plan.errands()
        watching = asyncio.create_task(self.board.watch())
        followers = asyncio.ensure_future(self._all(errands))
        try:
            await asyncio.wait({watching, followers}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done():
                watching.result()
            await followers
        finally:
            for task in (watching, followers):
                task.cancel()
            await asyncio.gather(watching, followers, return_exceptions=True)

    async def _all(self, errands: Iterator[Errand]) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(IN_FLIGHT, self._plan.count)):
                group.create_task(self._one_after_another(errands))

    async def _one_after_another(self, errands: Iterator[Errand]) -> None:
        for errand in errands:
            self.tally.reached[0] += 1
            try:
                await self._one(errand)
            except RefusedError as refused:
                self.tally.deviate(f"basket {errand.basket.basket_id}: {refused} ({PLOTS[errand.fate].words})")

    async def _one(self, errand: Errand) -> None:
        basket, fate = errand.basket, errand.fate
        async with self._unreserved:
            lines, placed = await self._place(basket, fate)
            if placed is None:
                self._not_placed(basket)
                return
            order = self._opened(placed, lines)
            await self._taken_up(order)
        desk = ApiActors(self._client, self.tally, order)
        whole: dict[str, Any] | None = None
        try:
            async with asyncio.timeout(LIMIT_S):
                await PLAYS[fate](desk, basket)
                whole = await desk.to_the_end()
        except TimeoutError:
            self._unfinished(order, fate)
        finally:
            self.board.remove(order, order.stage)
        if whole is not None:
            await self._judge(order, desk, errand, lines, whole)

    async def _place(self, basket: Basket, fate: Scenario) -> tuple[tuple[Line, ...], dict[str, Any] | None]:
        """The lines that were accepted and the front door's answer; None where nothing acceptable is left."""
        lines = basket.lines
        for attempt in range(MAX_CORRECTIONS):
            body = orders.body(basket, lines, fate, self._client.run)
            try:
                placed = await self._client.post("channel", "/v1/orders", body, f"place-{basket.basket_id}-{attempt}")
            except RefusedError as refused:
                self.tally.refusals[refused.code] += 1
                left = orders.corrected(refused.code, lines, self._plan.articles, self._max_lines)
                if not left:
                    if left is None:
                        raise
                    return (), None
                lines = left
            else:
                self.tally.corrected += attempt > 0
                return lines, placed
        raise RefusedError(422, {"code": "cannot_be_corrected", "detail": "refused again and again"})

    def _opened(self, placed: dict[str, Any], lines: tuple[Line, ...]) -> Open:
        self.tally.placed += 1
        if placed["total_minor"] != self._plan.total_minor(lines):
            self.tally.deviate(f"{placed['order_no']} costs {placed['total_minor']}, by the catalogue something else")
        return self.board.add(placed["order_no"])

    async def _taken_up(self, order: Open) -> None:
        """Its stock is reserved or refused; what takes longer than any order may is somebody else's finding."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LIMIT_S):
                await order.until(lambda: order.stage > 1 or order.gone)

    def _not_placed(self, basket: Basket) -> None:
        self.tally.nothing_left += 1
        if self._plan.sendable(basket.lines):
            self.tally.deviate(f"basket {basket.basket_id} was refused although some of it can be sent")

    def _unfinished(self, order: Open, fate: Scenario) -> None:
        where = f"stuck at {order.stuck_at}" if order.stuck_at else "under way"
        self.tally.close(fate, "not ended", f"{order.order_no} is still {where} after {LIMIT_S:.0f} s")

    async def _judge(
        self, order: Open, desk: ApiActors, errand: Errand, lines: tuple[Line, ...], whole: dict[str, Any]
    ) -> None:
        timeline = [event async for event in self._client.pages("support", f"/v1/orders/{whole['order_no']}/events")]
        self._progressed(order, timeline)
        end = _end_of(whole, timeline)
        desk.told(timeline)
        late = desk.overtaken
        expected = late.end if late else PLOTS[errand.fate].end
        wrong = None if end == expected else f"{whole['order_no']} ended as {end} instead of {expected}"
        self.tally.statuses[whole["status"]] += 1
        self.tally.close(
            errand.fate, f"{end} ({late.words})" if late else end, wrong or _owed(whole, desk.given_back_minor)
        )
        self.tally.ended.append(_ended(whole))
        if any(has_left(ShipmentStatus(parcel["status"])) for parcel in whole["shipments"]):
            warehouse = region_of(errand.basket.household).warehouse
            for line in lines:
                self.tally.sent[line.sku, warehouse] += line.quantity
            for sku in {line.sku for line in lines}:
                self.tally.sent[sku, warehouse] += desk.sent_anew[sku] - desk.back[sku]

    def _progressed(self, order: Open, timeline: list[dict[str, Any]]) -> None:
        reached = max((STAGES.get(event["to_status"] or "", 1) for event in timeline), default=1)
        self.board.remove(order, reached)


def _end_of(whole: dict[str, Any], timeline: list[dict[str, Any]]) -> str:
    if whole["status"] != Status.CANCELLED:
        return str(whole["status"])
    last = next(event for event in reversed(timeline) if event["to_status"] == Status.CANCELLED)
    return f"{Status.CANCELLED}: {(last['data'] or {}).get('cause')}"


def _succeeded(whole: dict[str, Any], kind: str) -> int:
    return sum(
        payment["amount_minor"]
        for payment in whole["payments"]
        if payment["kind"] == kind and payment["status"] == "succeeded"
    )


def _owed(whole: dict[str, Any], given_back_minor: int) -> str | None:
    """What is wrong with an ended order's money: a completed one is paid once, less what after-sales gave back; of a
    cancelled one all went back."""
    kept = _succeeded(whole, "capture") - _succeeded(whole, "refund")
    due = whole["total_minor"] - given_back_minor if whole["status"] == Status.COMPLETED else 0
    return None if kept == due else f"{whole['order_no']} is {whole['status']} and keeps {kept} instead of {due} cents"


def _ended(whole: dict[str, Any]) -> Ended:
    parcels = {parcel["tracking_no"]: parcel["status"] for parcel in whole["shipments"] if parcel["tracking_no"]}
    return Ended(whole["order_no"], _succeeded(whole, "capture"), _succeeded(whole, "refund"), parcels)
