"""What goes back to the customer beside the order's main path: refunds, and surplus money that is pending.

A provider that answers "pending" has taken the refund: it is asked now and then, ever less often, until it has decided
or its notification comes. What fails for good is parked for support. The main path waits for none of it.
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
PAST_A_STUCK_ONE = "refunds-past-a-stuck-one"
STEP_OF = {"refund": Step.REFUND, "refund_pending": Step.REFUND, "stray_pending": Step.RETURN_PAYMENT}


class ConcurrentRefunds(ParkedSteps):
    """One task pays whatever is due, the oldest first, and asks about what is pending; it ends when nothing is left."""

    def __init__(self) -> None:
        super().__init__()
        self._payer: asyncio.Task[None] | None = None
        self._unpaid: tuple[str, Failure] | None = None
        self._parks: tuple[Step, str] | None = None
        self._gives_way = False
        self._past = False  # whether other refunds are paid while one is stuck
        self._refused: set[str] = set()  # those of them that were refused, too: they wait for it

    @property
    def beside(self) -> bool:
        """True while the task executes the pending operation."""
        return self._payer is not None and not self._payer.done()

    @property
    def stuck(self) -> bool:
        parked = self.view.parked
        return parked is not None and (parked.step, parked.subject) != self._parks

    def due(self) -> m.PendingOperation | None:
        errand = self.view.errand
        return None if errand is not None and errand.kind in STEP_OF and self.beside else errand

    async def give_back_beside(self, errand: m.PendingOperation) -> None:
        """Begin it; where it failed for good it parks now, between two steps of the main path."""
        unpaid, self._unpaid = self._unpaid, None
        if unpaid is not None and unpaid[0] == errand.id:
            await self.park(STEP_OF[errand.kind], unpaid[1], _subject(errand))
        elif workflow.patched(BESIDE):
            self.begin_beside()
        else:
            await self.step(STEP_OF[errand.kind], lambda: self.give_back(errand), subject=_subject(errand))
            if self.view.errand == errand and errand.since:
                await self.park(STEP_OF[errand.kind], Failure(errand.kind, "", 1), _subject(errand))

    def may_begin_beside(self, parked: m.Parked) -> bool:
        """True when something is to be given back that another, stuck step need not hold up."""
        errand = self.view.errand
        if errand is None or errand.kind not in STEP_OF or self.view.cancelling or self.beside:
            return False
        return parked.step != STEP_OF[errand.kind]

    async def beside_is_over(self) -> None:
        """Wait for the call in progress, if any: the cancellation of the order returns all money itself."""
        if self.beside:
            self._gives_way = self._parks is not None
            await workflow.wait_condition(lambda: not self.beside)

    async def give_back(self, errand: m.PendingOperation) -> m.OrderView:
        """One try, or one question."""
        if errand.kind == "stray_pending":
            request = m.ReturnRequest(self.order_no, "stray")
            return await ports.return_payment(request, self.policy, "ask for the decision on surplus money")
        words = "ask for the decision on the refund" if errand.since else "pay the refund"
        return await ports.pay_refund(m.RefundRef(self.order_no, errand.id), self.policy, words)

    def begin_beside(self) -> None:
        """Start the task."""
        if self._payer is not None:
            self._payer.result()  # a bug in it is one of the main path
        self._payer = asyncio.create_task(self._give_back_all())

    async def _give_back_all(self) -> None:
        if self._parks is not None and not await self._resolved_beside():
            return
        while (errand := self.view.errand) is not None and errand.kind in STEP_OF and not self.view.cancelling:
            if errand.since and not await self._asked_later(errand):
                continue
            if (failure := await self._given_back(errand)) and not await self._parked_beside(errand, failure):
                return

    async def _given_back(self, errand: m.PendingOperation) -> Failure | None:
        """Why it failed for good, if it did."""
        try:
            self.adopt(await self.give_back(errand))
        except ActivityError as error:
            return Failure.of(error)
        late = self.view.errand == errand and self._out_of_patience(errand)
        return Failure(errand.kind, "", 1) if late else None

    # ── parked beside ──────────────────────────────────────────────────────────────────────────────────────

    async def _parked_beside(self, errand: m.PendingOperation, failure: Failure) -> bool:
        """It waits for support while the order goes on; False when it is put off instead."""
        apart = self.view.parked is None and not self.view.cancelling and workflow.patched(PARKED_BESIDE)
        if not apart:
            self._put_off(errand, failure)
            return False
        step, subject = STEP_OF[errand.kind], _subject(errand)
        self._parks = step, subject
        await self.put_down(step, failure, subject)
        return await self._resolved_beside()

    def takes_up_beside(self) -> bool:
        """True when what is parked was parked beside, in a run before this one."""
        parked, errand = self.view.parked, self.view.errand
        if parked is None or self.view.cancelling or self.beside:
            return False
        pending = errand is not None and errand.kind == "stray_pending" and parked.step == Step.RETURN_PAYMENT
        if not (pending or parked.step == Step.REFUND) or not workflow.patched(PARKED_BESIDE):
            return False
        self._parks = Step(parked.step), parked.subject
        self.begin_beside()
        return True

    async def _resolved_beside(self) -> bool:
        """Wait for support and do as it says; False when a step of the main path is parked instead."""
        while (parked := self.view.parked) is not None and not self.stuck:
            self.show()
            await self.unpark(parked, await self._resolution_beside(parked))
        gave_way, self._gives_way, self._parks = self._gives_way or self.view.parked is not None, False, None
        self.show()
        return not gave_way

    async def _resolution_beside(self, parked: m.Parked) -> m.ResolveRequest:
        """As for a step of the main path, which handles events, holds and cancellation itself."""
        until = (workflow.now() + timedelta(seconds=self.policy.escalation_s)).isoformat()
        escalated = self.paid_news = False
        self._refused, self._past = set(), workflow.patched(PAST_A_STUCK_ONE)
        while not (self._gives_way or self.overtaken(parked) or self.is_over(parked)):
            if (another := self._another(parked)) is not None:
                await self._pay_past(another)
                continue
            await self._called(parked, "" if escalated else until)
            if self.resolution is not None and not self.still_fits(self.resolution, parked):
                self.resolution = None
            if self.resolution is not None:
                resolution, self.resolution = self.resolution, None
                return resolution
            # The provider may have answered: asking again is safe, because the database knows what was returned.
            asks = self.retry_asked or (self._heard_of_payment() and parked.error != BOUNCED)
            self.retry_asked, self.paid_news = False, self.paid_news and (self.news or self.hearing)
            if asks:
                return m.ResolveRequest(self.order_no, "", Action.RETRY)
            if not escalated and self.passed(until):
                escalated = True
                self.adopt(await ports.escalate_step(self.ref, "nobody acted: escalate"))
        return m.ResolveRequest(self.order_no, "", "overtaken")

    def _another(self, parked: m.Parked) -> m.PendingOperation | None:
        """A refund that need not wait until support has decided on the one that is stuck."""
        errand = self.view.errand
        if not self._past or errand is None or errand.kind != "refund":
            return None
        return errand if errand.id != parked.subject and errand.id not in self._refused else None

    async def _pay_past(self, errand: m.PendingOperation) -> None:
        """One that is refused as well is tried again, and parked, once the other is decided."""
        failure = await self._given_back(errand)
        if failure is not None:
            workflow.logger.warning("refund put off", extra={"step": "refund", "code": failure.code})
        if failure is not None or self.view.errand == errand:
            self._refused.add(errand.id)

    async def _called(self, parked: m.Parked, until: str) -> None:
        left = max(datetime.fromisoformat(until) - workflow.now(), timedelta(milliseconds=1)) if until else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self.resolution is not None or self.retry_asked or self._heard_of_payment() or self._gives_way
                    or self.overtaken(parked) or self.decided_meanwhile(parked) or self._another(parked) is not None
                ),
                timeout=left,
                timeout_summary=f"support: {STEPS[Step(parked.step)].words}",
            )  # fmt: skip

    def _heard_of_payment(self) -> bool:
        """True if a provider reported a payment, and it was applied."""
        return self.paid_news and not (self.news or self.hearing)

    async def beside_gives_way(self) -> None:
        """One step of an order is parked at a time: the refund is tried again, and parked again, once that is done."""
        if self._parks is not None:
            self._gives_way = True
            await workflow.wait_condition(lambda: self._parks is None)

    def _put_off(self, errand: m.PendingOperation, failure: Failure) -> None:
        """It parks, unless another step is parked: then it is tried again with the next news, or after that one."""
        if self.view.parked is None:
            self._unpaid = errand.id, failure
        else:
            workflow.logger.warning("refund put off", extra={"step": "refund", "code": failure.code})

    async def _asked_later(self, errand: m.PendingOperation) -> bool:
        """False when something came before it was time to ask again."""
        if self._out_of_patience(errand):
            return True
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.view.errand != errand or bool(self.view.cancelling),
                timeout=self.until_asked_again(datetime.fromisoformat(errand.since)),
                timeout_summary="waiting for the provider's decision on money that goes back",
            )
            return False
        return True

    def _out_of_patience(self, errand: m.PendingOperation) -> bool:
        age = workflow.now() - datetime.fromisoformat(errand.since or workflow.now().isoformat())
        return bool(errand.since) and age >= timedelta(seconds=self.policy.pending_patience_s)


def _subject(errand: m.PendingOperation) -> str:
    """What a step that gives back is about."""
    return "stray" if STEP_OF[errand.kind] is Step.RETURN_PAYMENT else errand.id
