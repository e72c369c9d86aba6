"""What goes back to the customer beside the order's main path: refunds, and surplus money that is pending.

A provider that answers "pending" has taken the refund: it is polled at growing intervals until it has decided
or its notification arrives. What fails for good is parked for support. The main path waits for none of it.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.support.steps import STEPS, Action, Step
from workflows import payloads as m
from workflows import ports
from workflows.failures import Failure
from workflows.orders.parked_steps import BOUNCED, ParkedSteps

BESIDE = "refunds-beside"
PARKED_BESIDE = "refunds-parked-beside"
PAST_A_PARKED_ONE = "refunds-past-a-stuck-one"
STEP_OF = {"refund": Step.REFUND, "refund_pending": Step.REFUND, "stray_pending": Step.RETURN_PAYMENT}


class ConcurrentRefunds(ParkedSteps):
    """One task pays whatever is due, the oldest first, and asks about what is pending; it ends when nothing is left."""

    def __init__(self) -> None:
        super().__init__()
        self._payer: asyncio.Task[None] | None = None
        self._unpaid: tuple[str, Failure] | None = None
        self._parks: tuple[Step, str] | None = None
        self._yields = False
        self._past = False  # whether other refunds are paid while one is stuck
        self._refused: set[str] = set()  # those of them that were refused, too: they wait for it

    @property
    def is_refunding(self) -> bool:
        """True while the task executes the pending operation."""
        return self._payer is not None and not self._payer.done()

    @property
    def stuck(self) -> bool:
        parked = self.view.parked
        return parked is not None and (parked.step, parked.subject) != self._parks

    def due(self) -> m.PendingOperation | None:
        operation = self.view.errand
        return None if operation is not None and operation.kind in STEP_OF and self.is_refunding else operation

    async def refund_concurrently(self, operation: m.PendingOperation) -> None:
        """Begin it; where it failed for good it parks now, between two steps of the main path."""
        unpaid, self._unpaid = self._unpaid, None
        if unpaid is not None and unpaid[0] == operation.id:
            await self.park(STEP_OF[operation.kind], unpaid[1], _subject(operation))
        elif workflow.patched(BESIDE):
            self.start_refunds()
        else:
            await self.step(STEP_OF[operation.kind], lambda: self.return_money(operation), subject=_subject(operation))
            if self.view.errand == operation and operation.since:
                await self.park(STEP_OF[operation.kind], Failure(operation.kind, "", 1), _subject(operation))

    def may_start_refunds(self, parked: m.Parked) -> bool:
        """True when something is to be given back that another, stuck step need not hold up."""
        operation = self.view.errand
        if operation is None or operation.kind not in STEP_OF or self.view.cancelling or self.is_refunding:
            return False
        return parked.step != STEP_OF[operation.kind]

    async def wait_for_refunds(self) -> None:
        """Wait for the call in progress, if any: the cancellation of the order returns all money itself."""
        if self.is_refunding:
            self._yields = self._parks is not None
            await workflow.wait_condition(lambda: not self.is_refunding)

    async def return_money(self, operation: m.PendingOperation) -> m.OrderView:
        """One try, or one question."""
        if operation.kind == "stray_pending":
            request = m.ReturnRequest(self.order_no, "stray")
            return await ports.return_payment(request, self.policy, "ask for the decision on surplus money")
        words = "ask for the decision on the refund" if operation.since else "pay the refund"
        return await ports.pay_refund(m.RefundRef(self.order_no, operation.id), self.policy, words)

    def start_refunds(self) -> None:
        """Start the task."""
        if self._payer is not None:
            self._payer.result()  # a bug in it is one of the main path
        self._payer = asyncio.create_task(self._return_all_money())

    async def _return_all_money(self) -> None:
        if self._parks is not None and not await self._await_resolution():
            return
        while (operation := self.view.errand) is not None and operation.kind in STEP_OF and not self.view.cancelling:
            if operation.since and not await self._wait_to_poll(operation):
                continue
            if (failure := await self._failure_of(operation)) and not await self._park_refund(operation, failure):
                return

    async def _failure_of(self, operation: m.PendingOperation) -> Failure | None:
        """Why it failed for good, if it did."""
        try:
            self.update_view(await self.return_money(operation))
        except ActivityError as error:
            return Failure.of(error)
        late = self.view.errand == operation and self._is_overdue(operation)
        return Failure(operation.kind, "", 1) if late else None

    # ── parked beside ──────────────────────────────────────────────────────────────────────────────────────

    async def _park_refund(self, operation: m.PendingOperation, failure: Failure) -> bool:
        """It waits for support while the order goes on; False when it is put off instead."""
        apart = self.view.parked is None and self._parks is None and not self.view.cancelling
        apart = apart and workflow.patched(PARKED_BESIDE)
        if not apart:
            self._postpone(operation, failure)
            return False
        step, subject = STEP_OF[operation.kind], _subject(operation)
        self._parks = step, subject
        await self.record_parked(step, failure, subject)
        return await self._await_resolution()

    def resume_parked_refund(self) -> bool:
        """True when what is parked was parked beside, in a run before this one."""
        parked, operation = self.view.parked, self.view.errand
        if parked is None or self.view.cancelling or self.is_refunding:
            return False
        pending = operation is not None and operation.kind == "stray_pending" and parked.step == Step.RETURN_PAYMENT
        if not (pending or parked.step == Step.REFUND) or not workflow.patched(PARKED_BESIDE):
            return False
        self._parks = Step(parked.step), parked.subject
        self.start_refunds()
        return True

    async def _await_resolution(self) -> bool:
        """Wait for support and do as it says; False when a step of the main path is parked instead."""
        while (parked := self.view.parked) is not None and not self.stuck:
            self.show()
            await self.unpark(parked, await self._refund_resolution(parked))
        yielded, self._yields, self._parks = self._yields or self.view.parked is not None, False, None
        self.show()
        return not yielded

    async def _refund_resolution(self, parked: m.Parked) -> m.ResolveRequest:
        """As for a step of the main path, which handles events, holds and cancellation itself."""
        until = (workflow.now() + timedelta(seconds=self.policy.escalation_s)).isoformat()
        escalated = self.payment_event_received = False
        self._refused, self._past = set(), workflow.patched(PAST_A_PARKED_ONE)
        while not (self._yields or self.overtaken(parked) or self.is_over(parked)):
            if (another := self._another(parked)) is not None:
                await self._pay_past(another)
                continue
            await self._wait_for_support(parked, "" if escalated else until)
            if self.resolution is not None and not self.still_fits(self.resolution, parked):
                self.resolution = None
            if self.resolution is not None:
                resolution, self.resolution = self.resolution, None
                return resolution
            # The provider may have answered: asking again is safe, because the database knows what was returned.
            wants_retry = self.retry_requested or (self._payment_event_applied() and parked.error != BOUNCED)
            self.retry_requested, self.payment_event_received = (
                False,
                self.payment_event_received and (self.events_pending or self.applying_inbox),
            )
            if wants_retry:
                return m.ResolveRequest(self.order_no, "", Action.RETRY)
            if not escalated and self.is_past(until):
                escalated = True
                self.update_view(await ports.escalate_step(self.ref, "nobody acted: escalate"))
        return m.ResolveRequest(self.order_no, "", "overtaken")

    def _another(self, parked: m.Parked) -> m.PendingOperation | None:
        """A refund that need not wait until support has decided on the one that is stuck."""
        operation = self.view.errand
        if not self._past or operation is None or operation.kind != "refund":
            return None
        return operation if operation.id != parked.subject and operation.id not in self._refused else None

    async def _pay_past(self, operation: m.PendingOperation) -> None:
        """One that is refused as well is tried again, and parked, once the other is decided."""
        failure = await self._failure_of(operation)
        if failure is not None:
            workflow.logger.warning("refund put off", extra={"step": "refund", "code": failure.code})
        if failure is not None or self.view.errand == operation:
            self._refused.add(operation.id)

    async def _wait_for_support(self, parked: m.Parked, until: str) -> None:
        left = max(datetime.fromisoformat(until) - workflow.now(), timedelta(milliseconds=1)) if until else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self.resolution is not None or self.retry_requested or self._payment_event_applied() or self._yields
                    or self.overtaken(parked) or self.decided_meanwhile(parked) or self._another(parked) is not None
                ),
                timeout=left,
                timeout_summary=f"support: {STEPS[Step(parked.step)].words}",
            )  # fmt: skip

    def _payment_event_applied(self) -> bool:
        """True if a provider reported a payment, and it was applied."""
        return self.payment_event_received and not (self.events_pending or self.applying_inbox)

    async def yield_parked_refund(self) -> None:
        """One step of an order is parked at a time: the refund is tried again, and parked again, once that is done."""
        if self._parks is not None:
            self._yields = True
            await workflow.wait_condition(lambda: self._parks is None)

    def _postpone(self, operation: m.PendingOperation, failure: Failure) -> None:
        """It parks, unless another step is parked: then it is tried again after the next event, or after that step."""
        if self.view.parked is None:
            self._unpaid = operation.id, failure
        else:
            workflow.logger.warning("refund put off", extra={"step": "refund", "code": failure.code})

    async def _wait_to_poll(self, operation: m.PendingOperation) -> bool:
        """False when something came before it was time to ask again."""
        if self._is_overdue(operation):
            return True
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.view.errand != operation or bool(self.view.cancelling),
                timeout=self.poll_interval(datetime.fromisoformat(operation.since)),
                timeout_summary="waiting for the provider's decision on money that goes back",
            )
            return False
        return True

    def _is_overdue(self, operation: m.PendingOperation) -> bool:
        age = workflow.now() - datetime.fromisoformat(operation.since or workflow.now().isoformat())
        return bool(operation.since) and age >= timedelta(seconds=self.policy.pending_patience_s)


def _subject(operation: m.PendingOperation) -> str:
    """What a step that gives back is about."""
    return "stray" if STEP_OF[operation.kind] is Step.RETURN_PAYMENT else operation.id
