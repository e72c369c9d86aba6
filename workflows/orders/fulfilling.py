"""An order that ships in several parts: each is booked, followed, parked and recalled alone. So is the only part of an
order where it is made first, or is no parcel.

An order with one part from stock has none of this: its view names no fulfilments (see order.py).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.orders.cancellation import COMPENSATED
from domain.shipping.fulfilments import WITHOUT_PARCEL, FulfilmentKind, FulfilmentStatus
from domain.shipping.shipments import ShipmentStatus
from domain.support.steps import STEPS, Action, Step
from workflows import payloads as m
from workflows import ports
from workflows.failures import Failure
from workflows.orders.base import CompensationRequested
from workflows.orders.parked_steps import LEFT
from workflows.orders.pending_operations import PendingOperations

PARKED_BY = {"lost": "parcel_lost", "refused": "parcel_refused"}
PRODUCTION_LATE = "production_late"
OVER = (FulfilmentStatus.DELIVERED, FulfilmentStatus.CANCELLED)
PARTS = (Step.BOOK, Step.DELIVER, Step.CANCEL_SHIPMENT, Step.PRODUCE, Step.ISSUE_CODES)


class Fulfilling(PendingOperations):
    """A task for each part. One step of an order is parked at a time: the next one waits for its turn, and the parts
    that nothing is wrong with go on."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._calls = 0  # carrier calls in progress
        self._overdue: set[int] = set()
        self._gives_up = False
        self._postponed = ""  # the refund that failed while a part was parked
        self._looked_for_stock = False

    @property
    def is_split(self) -> bool:
        """True for an order that is followed part by part."""
        return bool(self.view.fulfilments)

    async def fulfil(self) -> None:
        """Let every part go on until the order has moved on, or something else comes first."""
        if self._wants_stock():
            await self._reserve_planned()
            return
        status, until = self.view.status, self._deadline()
        for part in self.view.fulfilments:
            self._attend(part)
        if not await self.wait(lambda: self._has_moved(status, until), until, "its parcels", shared_timer=True):
            self._note_overdue()
        if self._gives_up:
            self._gives_up = False
            raise CompensationRequested(COMPENSATED)

    def resume_parked_part(self) -> bool:
        """True when what is parked is a part's, in a run before this one."""
        parked = self.view.parked
        if parked is None or self.view.cancelling or self._parks is not None or Step(parked.step) not in PARTS:
            return False
        part = self._named(parked.subject)
        if part is None:
            return False
        self._parks = Step(parked.step), parked.subject
        self._attend(part)
        return True

    async def recall_parts(self) -> bool:
        """False when one of them has left: then the cancellation is refused and the order continues."""
        await workflow.wait_condition(lambda: not self._running())
        if not self._has_left():
            for part in self.view.fulfilments:
                await self._recall(part)
        if self._has_left():
            self.update_view(await ports.refuse_cancel(self.ref, "a parcel is on its way"))
            return False
        return True

    async def _reserve_planned(self) -> None:
        """Stock may have arrived for what is still missing. A run looks once when it begins: a signal may have come
        before the order was paid."""
        self.stock_arrived, self._looked_for_stock = False, True
        for part in self._planned():
            ref, words = m.FulfilmentRef(self.order_no, part.number), f"reserve stock, {self._words(part)}"
            self.update_view(await ports.reserve_fulfilment(ref, words))

    # ── one part ───────────────────────────────────────────────────────────────────────────────────────────

    def _attend(self, part: m.Fulfilment) -> None:
        task = self._tasks.get(part.number)
        if task is not None and not task.done():
            return
        if task is not None:
            task.result()  # a bug in it is one of the main path
        if part.status not in OVER or self._is_parked(part):
            self._tasks[part.number] = asyncio.create_task(self._follow(part.number))

    async def _follow(self, number: int) -> None:
        """Book it, and watch its parcel, until it has arrived or the order is undone."""
        while (part := self._part(number)).status not in OVER or self._is_parked(part):
            if self._is_parked(part):
                await self._await_resolution_of(part)
            elif self.view.cancelling or self._gives_up:
                return
            elif part.arrived:
                await self._stop_second(part)
            elif part.kind in WITHOUT_PARCEL:
                await self._deliver_virtual(part)
            elif self._waits_for_stock(part) and self._is_late(part):
                await self._expire(part)
            elif part.reserved and part.parcel in ("", ShipmentStatus.BOOKING):
                await self._book_part(part)
            elif error := PARKED_BY.get(part.parcel) or self._lateness(part):
                step = Step.PRODUCE if error == PRODUCTION_LATE else Step.DELIVER
                await self._park_part(step, Failure(error, "", 1), part)
            else:
                await self._until(lambda: self._part(number) != part or self._is_late(part))

    async def _book_part(self, part: m.Fulfilment) -> None:
        seq, failure = self.view.seq, None
        self._calls += 1
        self.booking, self.shipment_data_changed = True, False  # the database is read from here on
        try:
            ref = m.FulfilmentRef(self.order_no, part.number)
            self.update_view(await ports.book_fulfilment(ref, self.policy, f"book carrier, {self._words(part)}"))
        except ActivityError as error:
            failure = Failure.of(error)
        finally:
            self._calls -= 1
            self.booking = self._calls > 0
        if failure is not None:
            await self._park_part(Step.BOOK, failure, part)
        elif self._part(part.number) == part:
            # A hold or a change that waits for its payment keeps it from being booked.
            await self._until(lambda: self.view.seq != seq)

    async def _deliver_virtual(self, part: m.Fulfilment) -> None:
        """Issue its codes, or see whether its service counts as performed; then wait for what is missing."""
        seq = self.view.seq
        self.codes_arrived = False  # what arrives from here on is a reason to look again
        ref = m.FulfilmentRef(self.order_no, part.number)
        self.update_view(await ports.deliver_virtual(ref, f"deliver {part.kind}, {self._words(part)}"))
        self._overdue.discard(part.number)
        now, hold = self._part(part.number), self.view.hold
        if now.status in OVER:
            return
        if part.kind == FulfilmentKind.CODES and not (hold is not None and hold.stops):
            await self._park_part(Step.ISSUE_CODES, Failure("codes_short", "", 1), now)
        else:
            await self._until(lambda: self.view.seq != seq or self._part(now.number) != now or self._is_late(now))

    async def _expire(self, part: m.Fulfilment) -> None:
        """Its stock never came: it is cancelled, and its money goes back."""
        seq = self.view.seq
        ref = m.FulfilmentRef(self.order_no, part.number)
        self.update_view(await ports.expire_fulfilment(ref, f"stock never came, {self._words(part)}"))
        self._overdue.discard(part.number)
        if self._part(part.number) == part:
            await self._until(lambda: self.view.seq != seq)

    async def _stop_second(self, part: m.Fulfilment) -> None:
        """Its first parcel arrived after all: the second is called back where it still can be."""
        ref = m.FulfilmentRef(self.order_no, part.number)
        words = f"the first parcel arrived: stop the second, {self._words(part)}"
        self._calls += 1
        try:
            self.update_view(await ports.stop_fulfilment(ref, self.policy, words))
            failure = None
        except ActivityError as error:
            failure = Failure.of(error)
        finally:
            self._calls -= 1
        if failure is not None:
            await self._park_part(Step.CANCEL_SHIPMENT, failure, part)

    async def _recall(self, part: m.Fulfilment) -> None:
        if not part.parcel or part.parcel in PARKED_BY or self._has_left():
            return
        ref = m.FulfilmentRef(self.order_no, part.number)
        words = f"recall parcel, {self._words(part)}"
        await self.step(
            Step.CANCEL_SHIPMENT,
            lambda: ports.recall_fulfilment(ref, self.policy, words),
            undoing=True,
            subject=part.id,
        )

    # ── parked beside the others ───────────────────────────────────────────────────────────────────────────

    async def _park_part(self, step: Step, failure: Failure, part: m.Fulfilment) -> None:
        """It waits for support while the others go on. While another step is parked it is tried again after that."""
        if self.view.cancelling:
            return
        if self.view.parked is not None or self._parks is not None:
            await self._until(lambda: self.view.parked is None and self._parks is None)
            return
        self._parks = step, part.id
        await self.record_parked(step, failure, part.id)
        if not self._is_parked(part):
            self._parks = None  # another was quicker

    def _is_parked(self, part: m.Fulfilment) -> bool:
        parked = self.view.parked
        return parked is not None and parked.subject == part.id and self._parks == (parked.step, part.id)

    async def _await_resolution_of(self, part: m.Fulfilment) -> None:
        parked = self.view.parked
        assert parked is not None, "it is parked"
        self.show()
        resolution = await self._part_resolution(parked, part.number)
        await self.unpark(parked, resolution)
        now = self.view.parked
        if now is None or now.park_no != parked.park_no:
            yielded, self._yields, self._parks = self._yields, False, None
            self.resolution = None  # accepted while this step was being resolved: it is for no other
            self._overdue.discard(part.number)
            self._gives_up = resolution.action == Action.COMPENSATE and not yielded
        self.show()

    async def _part_resolution(self, parked: m.Parked, number: int) -> m.ResolveRequest:
        """As for a step of the main path, which handles events, holds and cancellation itself."""
        until = (workflow.now() + timedelta(seconds=self.policy.escalation_s)).isoformat()
        escalated = False
        while not (self._yields or self._is_part_over(parked, number)):
            await self._wait_for_support_of(parked, number, "" if escalated else until)
            if self.resolution is not None and self.resolution.park_no not in (0, parked.park_no):
                self.resolution = None
            if self.resolution is not None:
                resolution, self.resolution = self.resolution, None
                return resolution
            if self.must_retry(parked):
                self.retry_requested = self.shipment_data_changed = False
                return m.ResolveRequest(self.order_no, "", Action.RETRY)
            if not escalated and self.is_past(until):
                escalated = True
                self.update_view(await ports.escalate_step(self.ref, "nobody acted: escalate"))
        return m.ResolveRequest(self.order_no, "", "overtaken")

    async def _wait_for_support_of(self, parked: m.Parked, number: int, until: str) -> None:
        left = max(datetime.fromisoformat(until) - workflow.now(), timedelta(milliseconds=1)) if until else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self.resolution is not None
                    or self.must_retry(parked)
                    or self._yields
                    or self._is_part_over(parked, number)
                ),
                timeout=left,
                timeout_summary=f"support: {STEPS[Step(parked.step)].words}, {self._words(self._part(number))}",
            )

    def _is_part_over(self, parked: m.Parked, number: int) -> bool:
        """True when an event resolved it: it was booked or delivered meanwhile, or the order is to be undone."""
        part = self._part(number)
        if self.view.cancelling or part.status in OVER or self._current(parked).over:
            return True
        if parked.step in (Step.PRODUCE, Step.ISSUE_CODES):
            return part.status != FulfilmentStatus.PLANNED
        if parked.step == Step.CANCEL_SHIPMENT or part.arrived:
            return parked.step != Step.CANCEL_SHIPMENT or not part.arrived
        to_be_booked = part.reserved and part.parcel in ("", ShipmentStatus.BOOKING)
        return to_be_booked if parked.step == Step.DELIVER else not to_be_booked

    # ── all parts ──────────────────────────────────────────────────────────────────────────────────────────

    def due(self) -> m.PendingOperation | None:
        operation = super().due()
        postponed = operation is not None and operation.id == self._postponed and self.view.parked is not None
        return None if postponed else operation

    def _postpone(self, operation: m.PendingOperation, failure: Failure) -> None:
        """It is tried again, and parked, once the part that is parked is resolved."""
        if self.is_split and self.view.parked is not None:
            self._postponed = operation.id
        super()._postpone(operation, failure)

    def overtaken(self, parked: m.Parked) -> bool:
        if parked.step == Step.CANCEL_SHIPMENT and (part := self._named(parked.subject)) is not None:
            return part.parcel in LEFT
        return super().overtaken(parked)

    def _idle(self) -> bool:
        return super()._idle() and not self._calls

    def _running(self) -> bool:
        return any(not task.done() for task in self._tasks.values())

    def _has_moved(self, status: str, until: str) -> bool:
        failed = any(task.done() and task.exception() is not None for task in self._tasks.values())
        other = self.view.status != status or self._deadline() != until
        return other or self._gives_up or failed or self._has_more() or self._wants_stock()

    def _planned(self) -> list[m.Fulfilment]:
        return [part for part in self.view.fulfilments if self._waits_for_stock(part)]

    def _waits_for_stock(self, part: m.Fulfilment) -> bool:
        return part.status == FulfilmentStatus.PLANNED and part.kind == FulfilmentKind.PARCEL

    def _wants_stock(self) -> bool:
        return bool(self._planned()) and (self.stock_arrived or not self._looked_for_stock)

    def _has_more(self) -> bool:
        """True when a part has something to do and no task."""
        return any(
            part.status not in OVER and (part.number not in self._tasks or self._tasks[part.number].done())
            for part in self.view.fulfilments
        )

    def _has_left(self) -> bool:
        return any(part.parcel in LEFT or self._is_used(part) for part in self.view.fulfilments)

    def _is_used(self, part: m.Fulfilment) -> bool:
        """True of codes that the customer has, and of a service that was performed: nothing calls them back."""
        return part.kind in WITHOUT_PARCEL and part.status == FulfilmentStatus.DELIVERED

    def _deadline(self) -> str:
        """When the first of those that are waited for is late, or something is due on a hold of those not booked."""
        # What was late, and has a later deadline since, is waited for again.
        late = {number for number in self._overdue if self.has_passed(self._part(number).deadline)}
        waiting = (part for part in self.view.fulfilments if part.number not in late)
        first = min((part.deadline for part in waiting if part.deadline and part.status not in OVER), default="")
        return self.until(first) if self.holds_parts() else first

    def _note_overdue(self) -> None:
        for part in self.view.fulfilments:
            if part.status not in OVER and self.has_passed(part.deadline):
                self._overdue.add(part.number)

    def _is_late(self, part: m.Fulfilment) -> bool:
        return part.number in self._overdue and self.has_passed(part.deadline)

    def _lateness(self, part: m.Fulfilment) -> str:
        """Why it is late, as a code; what waits for stock is not late but given up."""
        if self._waits_for_stock(part) or not self._is_late(part):
            return ""
        if part.status == FulfilmentStatus.PLANNED:
            return PRODUCTION_LATE
        return "no_delivery" if part.parcel in LEFT else "no_pickup"

    async def _until(self, ready: Callable[[], bool]) -> None:
        await workflow.wait_condition(lambda: ready() or bool(self.view.cancelling) or self._gives_up)

    def _part(self, number: int) -> m.Fulfilment:
        return next(part for part in self.view.fulfilments if part.number == number)

    def _named(self, fulfilment_id: str) -> m.Fulfilment | None:
        return next((part for part in self.view.fulfilments if part.id == fulfilment_id), None)

    def _words(self, part: m.Fulfilment) -> str:
        return f"fulfilment {part.number} of {len(self.view.fulfilments)}, warehouse {part.warehouse}"
