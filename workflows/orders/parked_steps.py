"""Steps that fail: they are retried, parked, and resolved by support or by an external event."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from domain.orders.cancellation import COMPENSATED
from domain.orders.status import Status
from domain.payments.attempts import DECIDED, AttemptState
from domain.support.steps import STEPS, Action, Step
from workflows import payloads as m
from workflows import ports
from workflows.failures import Failure
from workflows.orders.base import CompensationRequested, OrderWorkflowBase

PROCESSES_HOLD_WHILE_PARKED = "hold-tended-while-parked"
LEFT = ("picked_up", "in_transit", "delivered")
# What a provider has taken and decides later.
PENDING = ("refund_pending", "void_pending", "guarantee_pending", "capture_pending")
WAITS_FOR_DECISION = "pending-is-no-failure"
BOUNCED = "refund_bounced"  # it waits for a person's decision
ENDED = "payment-ended-while-parked"
BOUND = "resolution-bound-to-its-step"
OWN_DIFFERENCE = "difference-judged-by-its-own-change"
RETURNING = (Step.RETURN_PAYMENT, Step.REFUND)


class ParkedSteps(OrderWorkflowBase):
    """Retries and parks the steps that call a provider."""

    _own_difference = False  # whether the step that is stuck is judged by its own change (see _difference_is_over)

    async def step(
        self, step: Step, call: Callable[[], Awaitable[m.OrderView]], *, undoing: bool = False, subject: str = ""
    ) -> None:
        """Run a provider's step; when it fails for good it parks until support or an external event resolves it."""
        begun = workflow.now()
        while True:
            try:
                self.update_view(await call())
            except ActivityError as error:
                failure = Failure.of(error)
                if self.cancel_requested:
                    await self.handle_cancellation()
                if self.view.cancelling and not undoing:
                    raise CompensationRequested(self.view.cancelling) from error
                if await self._decided_later(failure, begun) or await self.park(step, failure, subject) == Action.RETRY:
                    continue
            return

    async def _decided_later(self, failure: Failure, begun: datetime) -> bool:
        """Pending is no failure: the step is tried again after the next event, or after a while; False: it parks."""
        if failure.code not in PENDING or not workflow.patched(WAITS_FOR_DECISION):
            return False
        if workflow.now() - begun >= timedelta(seconds=self.policy.pending_patience_s):
            return False
        await self.start_operations_while_waiting()
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.events_pending or self.cancel_requested,
                timeout=self.poll_interval(begun),
                timeout_summary=f"waiting for the provider's decision: {failure.code}",
            )
        if self.events_pending:
            await self.apply_inbox()
        if self.cancel_requested:
            await self.handle_cancellation()
        return True

    async def park(self, step: Step, failure: Failure, subject: str = "") -> str:
        """Keep the status, say why it sticks and what can be done, wait for a resolution; answers with how."""
        await self.yield_parked_refund()
        await self.record_parked(step, failure, subject)
        return await self._take_up_parked()

    async def record_parked(self, step: Step, failure: Failure, subject: str) -> None:
        """Park it in the database, unless another step is parked."""
        request = m.ParkRequest(self.order_no, step, failure.code, failure.provider, failure.attempts, subject)
        self.update_view(await ports.park_step(request, f"park {step}: {failure.code}"))

    async def _take_up_parked(self) -> str:
        action = ""
        step = ""
        while (parked := self.view.parked) is not None and self.stuck:
            step = parked.step
            self.show()
            resolution = await self._resolution_of(parked)
            action = resolution.action
            await self.unpark(parked, resolution)
        if self.resolution is not None and workflow.patched(BOUND):
            self.resolution = None  # accepted while this step was being resolved: it is for no other
        self.show()
        if action == Action.COMPENSATE and step != Step.SUPPLEMENT:
            raise CompensationRequested(COMPENSATED)
        return action

    async def unpark(self, parked: m.Parked, resolution: m.ResolveRequest) -> None:
        """Apply the resolution in the database. If it no longer fits, the step stays parked."""
        action = resolution.action
        request = m.UnparkRequest(self.order_no, parked.park_no, action, resolution.resolution_id)
        self.resolving = True
        try:
            self.update_view(await ports.unpark_step(request, f"{action} {parked.step}"))
        except (ActivityError, ApplicationError) as error:
            about = {"step": parked.step, "code": Failure.of(error).code}
            workflow.logger.warning("resolution refused", extra=about)
            if workflow.patched(BOUND):
                self.update_view(await ports.load_order(self.ref, "where it stands now"))
        finally:
            self.resolving = False

    async def yield_parked_refund(self) -> None:
        """What is parked beside the main path makes room for a step of it (see Beside)."""

    async def start_operations_while_waiting(self) -> None:
        """What need not wait for a step that its provider decides on later (see AfterSales)."""

    async def start_operations_while_parked(self, parked: m.Parked) -> None:
        """What was decided meanwhile need not wait for support where it can be done beside (see AfterSales)."""

    async def _resolution_of(self, parked: m.Parked) -> m.ResolveRequest:
        """Wait for support. Events and cancellation are still handled; the step is escalated when nobody acts.

        So does what is due on a hold: its default outcome may undo the order.
        """
        until = (workflow.now() + timedelta(seconds=self.policy.escalation_s)).isoformat()
        escalated = False
        self._own_difference = parked.step == Step.SUPPLEMENT and workflow.patched(OWN_DIFFERENCE)
        await self.start_operations_while_parked(parked)
        while True:
            if self.is_over(parked):
                return m.ResolveRequest(self.order_no, "", "overtaken")
            escalation = "" if escalated else until
            if ends := self._difference_until(parked):
                escalation = min(moment for moment in (escalation, ends) if moment)
            # Asked only where there is a hold: the mark that a patch leaves is an event.
            watches_hold = self.view.hold is not None and workflow.patched(PROCESSES_HOLD_WHILE_PARKED)
            is_ready = await self.wait(
                lambda: self.resolution is not None or self.must_retry(parked) or self.overtaken(parked),
                self.until(escalation) if watches_hold else escalation,
                f"support: {STEPS[Step(parked.step)].words}",
            )
            if self.cancel_requested:
                await self.handle_cancellation()
            if self.events_pending:
                await self.apply_inbox()
                await self.start_operations_while_parked(parked)
                # The provider may have answered: asking again is safe, because the database knows what was returned.
                wants_retry = self.payment_event_received and parked.step in RETURNING and parked.error != BOUNCED
                self.retry_requested = self.retry_requested or wants_retry
                self.payment_event_received = False
            if self.resolution is not None and not self.still_fits(self.resolution, parked):
                self.resolution = None
            if self.resolution:
                resolution, self.resolution = self.resolution, None
                return resolution
            if self.overtaken(parked) or self.is_over(parked):
                return m.ResolveRequest(self.order_no, "", "overtaken")
            if self.must_retry(parked):
                self.retry_requested = self.shipment_data_changed = False
                return m.ResolveRequest(self.order_no, "", Action.RETRY)
            if watches_hold and self.hold_due():
                await self.process_due_hold()
            if not is_ready and not escalated and self.is_past(until):
                escalated = True
                self.update_view(await ports.escalate_step(self.ref, "nobody acted: escalate"))

    def still_fits(self, resolution: m.ResolveRequest, parked: m.Parked) -> bool:
        """False when it is for another step, or an external event resolved the step first."""
        other = resolution.park_no not in (0, parked.park_no)
        quicker = self.overtaken(parked) or self.decided_meanwhile(parked)
        return not ((other or quicker) and workflow.patched(BOUND))

    def is_over(self, parked: m.Parked) -> bool:
        """True when what the step was to do was done, or is wanted no more: no person is needed."""
        return self.decided_meanwhile(parked) and workflow.patched(BOUND)

    def decided_meanwhile(self, parked: m.Parked) -> bool:
        if self._current(parked).over:
            return True
        if parked.step == Step.CAPTURE and parked.subject:
            return False  # a fulfilment's share: the database says when it is over
        if parked.step in (Step.REVIEW, Step.CAPTURE) and self.view.attempt_state == AttemptState.FAILED:
            return workflow.patched(ENDED)  # there is nothing left to be captured
        # The provider's notification decided what nobody answered.
        return parked.step == Step.AUTHORISE and self.view.attempt_state in DECIDED

    def must_retry(self, parked: m.Parked) -> bool:
        """True if support retries the step, or the data for the carrier has changed since."""
        codes = self.codes_arrived and parked.step == Step.ISSUE_CODES
        return self.retry_requested or codes or (self.shipment_data_changed and parked.step == Step.BOOK)

    def needs_reshipment(self) -> bool:
        """True when a second parcel is to be booked instead of one that was lost or refused."""
        return self.view.reship and self.view.parcel in ("", "booking")

    def _difference_until(self, parked: m.Parked) -> str:
        """When the change that a stuck difference is for is undone; empty where that is not known, or not coming."""
        if self._own_difference:
            return self._current(parked).until
        operation = self.view.errand
        return operation.until if operation is not None and parked.step == Step.SUPPLEMENT else ""

    def _current(self, parked: m.Parked) -> m.Parked:
        now = self.view.parked
        return now if now is not None and now.park_no == parked.park_no else parked

    def _difference_is_over(self, parked: m.Parked) -> bool:
        """True when the change was decided and nothing of its payment is unknown, or its time is over. Whatever else
        is due of the order, such as a refund, says nothing about it."""
        if self._own_difference:
            now = self._current(parked)
            return now.over or self.has_passed(now.until)
        operation = self.view.errand
        if operation is None or operation.kind not in ("supplement", "supplement_pending"):
            return True
        return self.has_passed(operation.until)

    def overtaken(self, parked: m.Parked) -> bool:
        """True when an event resolved the step: it was paid or delivered meanwhile, or the order is to be undone."""
        match Step(parked.step):
            case Step.CAPTURE if parked.subject:
                return bool(self.view.cancelling)
            case Step.AUTHORISE | Step.REVIEW | Step.CAPTURE:
                return self.view.status != Status.PENDING_PAYMENT or bool(self.view.cancelling)
            case Step.SUPPLEMENT:
                return bool(self.view.cancelling) or self._difference_is_over(parked)
            case Step.BOOK:
                return bool(self.view.cancelling) or self.view.first_arrived
            case Step.REFUND:
                return bool(self.view.cancelling)
            case Step.DELIVER:
                over = self.view.status == Status.DELIVERED or self.needs_reshipment() or self.view.first_arrived
                return over or bool(self.view.cancelling)
            case Step.CANCEL_SHIPMENT:
                return self.view.parcel in LEFT
            case _:
                return False
