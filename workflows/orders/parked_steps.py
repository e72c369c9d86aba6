"""What becomes of a step that fails: tried, parked, taken up again by support or by the world."""

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

TENDS_WHILE_PARKED = "hold-tended-while-parked"
LEFT = ("picked_up", "in_transit", "delivered")
# What a provider has taken and decides later.
PENDING = ("refund_pending", "void_pending", "guarantee_pending")
WAITS_FOR_DECISION = "pending-is-no-failure"
BOUNCED = "refund_bounced"  # it waits for a person's decision
ENDED = "payment-ended-while-parked"
BOUND = "resolution-bound-to-its-step"
OWN_DIFFERENCE = "difference-judged-by-its-own-change"
RETURNING = (Step.RETURN_PAYMENT, Step.REFUND)


class ParkedSteps(OrderWorkflowBase):
    """The chapter of every provider's step that does not go as it should."""

    _own_difference = False  # whether the step that is stuck is judged by its own change (see _difference_is_over)

    async def step(
        self, step: Step, act: Callable[[], Awaitable[m.OrderView]], *, undoing: bool = False, subject: str = ""
    ) -> None:
        """Run a provider's step; when it fails for good it parks until support (or the world) resolves it."""
        begun = workflow.now()
        while True:
            try:
                self.adopt(await act())
            except ActivityError as error:
                failure = Failure.of(error)
                if self.cancel_asked:
                    await self.answer_cancellation()
                if self.view.cancelling and not undoing:
                    raise CompensationRequested(self.view.cancelling) from error
                if await self._decided_later(failure, begun) or await self.park(step, failure, subject) == Action.RETRY:
                    continue
            return

    async def _decided_later(self, failure: Failure, begun: datetime) -> bool:
        """Pending is no failure: the step is tried again with the next news, or after a while; False: it parks."""
        if failure.code not in PENDING or not workflow.patched(WAITS_FOR_DECISION):
            return False
        if workflow.now() - begun >= timedelta(seconds=self.policy.pending_patience_s):
            return False
        await self.errands_meanwhile()
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.news or self.cancel_asked,
                timeout=self.until_asked_again(begun),
                timeout_summary=f"waiting for the provider's decision: {failure.code}",
            )
        if self.news:
            await self.hear()
        if self.cancel_asked:
            await self.answer_cancellation()
        return True

    async def park(self, step: Step, failure: Failure, subject: str = "") -> str:
        """Keep the status, say why it sticks and what can be done, wait for a resolution; answers with how."""
        await self.beside_gives_way()
        await self.put_down(step, failure, subject)
        return await self._take_up_parked()

    async def put_down(self, step: Step, failure: Failure, subject: str) -> None:
        """Park it in the database, unless another step is parked."""
        request = m.ParkRequest(self.order_no, step, failure.code, failure.provider, failure.attempts, subject)
        self.adopt(await ports.park_step(request, f"park {step}: {failure.code}"))

    async def _take_up_parked(self) -> str:
        how = ""
        step = ""
        while (parked := self.view.parked) is not None and self.stuck:
            step = parked.step
            self.show()
            resolution = await self._resolution_of(parked)
            how = resolution.action
            await self.unpark(parked, resolution)
        if self.resolution is not None and workflow.patched(BOUND):
            self.resolution = None  # accepted while this step was being resolved: it is for no other
        self.show()
        if how == Action.COMPENSATE and step != Step.SUPPLEMENT:
            raise CompensationRequested(COMPENSATED)
        return how

    async def unpark(self, parked: m.Parked, resolution: m.ResolveRequest) -> None:
        """Apply the resolution in the database. If it no longer fits, the step stays parked."""
        how = resolution.action
        request = m.UnparkRequest(self.order_no, parked.park_no, how, resolution.resolution_id)
        self.resolving = True
        try:
            self.adopt(await ports.unpark_step(request, f"{how} {parked.step}"))
        except (ActivityError, ApplicationError) as error:
            about = {"step": parked.step, "code": Failure.of(error).code}
            workflow.logger.warning("resolution refused", extra=about)
            if workflow.patched(BOUND):
                self.adopt(await ports.load_order(self.ref, "where it stands now"))
        finally:
            self.resolving = False

    async def beside_gives_way(self) -> None:
        """What is parked beside the main path makes room for a step of it (see Beside)."""

    async def errands_meanwhile(self) -> None:
        """What need not wait for a step that its provider decides on later (see AfterSales)."""

    async def errand_beside(self, parked: m.Parked) -> None:
        """What was decided meanwhile need not wait for support where it can be done beside (see AfterSales)."""

    async def _resolution_of(self, parked: m.Parked) -> m.ResolveRequest:
        """Wait for support; news and cancellation go on being heard, and escalation comes when nobody acts.

        So does what is due on a hold: its default outcome may undo the order.
        """
        until = (workflow.now() + timedelta(seconds=self.policy.escalation_s)).isoformat()
        escalated = False
        self._own_difference = parked.step == Step.SUPPLEMENT and workflow.patched(OWN_DIFFERENCE)
        await self.errand_beside(parked)
        while True:
            if self.is_over(parked):
                return m.ResolveRequest(self.order_no, "", "overtaken")
            escalation = "" if escalated else until
            if ends := self._difference_until(parked):
                escalation = min(moment for moment in (escalation, ends) if moment)
            # Asked only where there is a hold: the mark that a patch leaves is an event.
            tending = self.view.hold is not None and workflow.patched(TENDS_WHILE_PARKED)
            heard = await self.wait(
                lambda: self.resolution is not None or self.asked_again(parked) or self.overtaken(parked),
                self.until(escalation) if tending else escalation,
                f"support: {STEPS[Step(parked.step)].words}",
            )
            if self.cancel_asked:
                await self.answer_cancellation()
            if self.news:
                await self.hear()
                await self.errand_beside(parked)
                # The provider may have answered: asking again is safe, because the database knows what was returned.
                asks = self.paid_news and parked.step in RETURNING and parked.error != BOUNCED
                self.retry_asked = self.retry_asked or asks
                self.paid_news = False
            if self.resolution is not None and not self.still_fits(self.resolution, parked):
                self.resolution = None
            if self.resolution:
                resolution, self.resolution = self.resolution, None
                return resolution
            if self.overtaken(parked) or self.is_over(parked):
                return m.ResolveRequest(self.order_no, "", "overtaken")
            if self.asked_again(parked):
                self.retry_asked = self.reworded = False
                return m.ResolveRequest(self.order_no, "", Action.RETRY)
            if tending and self.hold_due():
                await self.tend_hold()
            if not heard and not escalated and self.passed(until):
                escalated = True
                self.adopt(await ports.escalate_step(self.ref, "nobody acted: escalate"))

    def still_fits(self, resolution: m.ResolveRequest, parked: m.Parked) -> bool:
        """False when it is for another step, or the world was quicker than the person."""
        other = resolution.park_no not in (0, parked.park_no)
        quicker = self.overtaken(parked) or self.decided_meanwhile(parked)
        return not ((other or quicker) and workflow.patched(BOUND))

    def is_over(self, parked: m.Parked) -> bool:
        """True when what the step was to do was done, or is wanted no more: no person is needed."""
        return self.decided_meanwhile(parked) and workflow.patched(BOUND)

    def decided_meanwhile(self, parked: m.Parked) -> bool:
        if self._as_it_stands(parked).over:
            return True
        if parked.step in (Step.REVIEW, Step.CAPTURE) and self.view.attempt_state == AttemptState.FAILED:
            return workflow.patched(ENDED)  # there is nothing left to be captured
        # The provider's notification decided what nobody answered.
        return parked.step == Step.AUTHORISE and self.view.attempt_state in DECIDED

    def asked_again(self, parked: m.Parked) -> bool:
        """True if support retries the step, or the data for the carrier has changed since."""
        return self.retry_asked or (self.reworded and parked.step == Step.BOOK)

    def to_be_sent_again(self) -> bool:
        """True when a second parcel is to be booked instead of one that was lost or refused."""
        return self.view.reship and self.view.parcel in ("", "booking")

    def _difference_until(self, parked: m.Parked) -> str:
        """When the change that a stuck difference is for is undone; empty where that is not known, or not coming."""
        if self._own_difference:
            return self._as_it_stands(parked).until
        errand = self.view.errand
        return errand.until if errand is not None and parked.step == Step.SUPPLEMENT else ""

    def _as_it_stands(self, parked: m.Parked) -> m.Parked:
        now = self.view.parked
        return now if now is not None and now.park_no == parked.park_no else parked

    def _difference_is_over(self, parked: m.Parked) -> bool:
        """True when the change was decided and nothing of its payment is unknown, or its time is over. Whatever else
        is due of the order, such as a refund, says nothing about it."""
        if self._own_difference:
            now = self._as_it_stands(parked)
            return now.over or self.over(now.until)
        errand = self.view.errand
        if errand is None or errand.kind not in ("supplement", "supplement_pending"):
            return True
        return self.over(errand.until)

    def overtaken(self, parked: m.Parked) -> bool:
        """True when the world resolved the step: it was paid or delivered meanwhile, or the order is to be undone."""
        match Step(parked.step):
            case Step.AUTHORISE | Step.REVIEW | Step.CAPTURE:
                return self.view.status != Status.PENDING_PAYMENT or bool(self.view.cancelling)
            case Step.SUPPLEMENT:
                return bool(self.view.cancelling) or self._difference_is_over(parked)
            case Step.BOOK:
                return bool(self.view.cancelling) or self.view.first_arrived
            case Step.REFUND:
                return bool(self.view.cancelling)
            case Step.DELIVER:
                over = self.view.status == Status.DELIVERED or self.to_be_sent_again() or self.view.first_arrived
                return over or bool(self.view.cancelling)
            case Step.CANCEL_SHIPMENT:
                return self.view.parcel in LEFT
            case _:
                return False
