"""The workflow of one order, from acceptance to the end of its return window.

A run always starts from the database: the first run, the one after continue-as-new, and the one after the loss of
Temporal's own database are the same. `self.view` is the state in the database; every activity returns a new one.
"""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError, ApplicationError

from domain.orders import cancellation
from domain.orders.status import TERMINAL, Status
from domain.payments.attempts import ANSWERED, AttemptState
from domain.payments.payability import PayabilityFacts, refusal
from domain.payments.transactions import outcome_of
from domain.support.steps import Step
from workflows import names, ports
from workflows import payloads as m
from workflows.cancellation_shield import through
from workflows.failures import Failure, refusal_from
from workflows.orders.base import CompensationRequested
from workflows.orders.fulfilling import PARKED_BY, Fulfilling
from workflows.orders.parked_steps import LEFT

STOPS_REPLACEMENT = "replacement-stopped"


@workflow.defn(name=names.ORDER, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class OrderWorkflow(Fulfilling):
    """reserve → collect payment → book → follow the parcel → close; undone in reverse when it must not go on."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        """Run the order to its end; returns its final status."""
        return await through(self._run_to_end(start), self.on_cancel_requested)

    async def _run_to_end(self, start: m.StartOrder) -> str:
        self.order_no = start.order_no
        await self._reserve("reserve stock")
        while not (self.closed() and workflow.all_handlers_finished()):
            try:
                await self._advance()
            except CompensationRequested as undo:
                await self._compensate(undo.cause)
            except asyncio.CancelledError:  # in a run of an earlier version only (see cancellation_shield.py)
                await self.handle_cancellation()
            self.renew_if_long(start)  # raises ContinueAsNewError
        return self.view.status

    def closed(self) -> bool:
        """True when nothing is left to do, now."""
        idle = not (self.events_pending or self.view.stray or self.view.errand or self.unfollowed())
        return idle and Status(self.view.status) in TERMINAL

    async def _advance(self) -> None:
        """One step of the workflow, chosen by the state in the database."""
        self.show()
        if self.cancel_requested:
            await self.handle_cancellation()
        elif self.stuck:
            if not (self.resume_parked_part() or self.resume_parked_refund()):
                await self._take_up_parked()
        elif self.events_pending:
            await self.apply_inbox()
        elif self.view.stray:
            await self._return_payment("stray")
        elif self.view.cancelling:
            raise CompensationRequested(self.view.cancelling)
        elif self.view.first_arrived and workflow.patched(STOPS_REPLACEMENT):
            await self._stop_replacement()
        elif self.unfollowed():
            await self.follow_returns()
        elif operation := self.due():
            await self.execute(operation)
        elif self.hold_due():
            await self.process_due_hold()
        elif self.held():
            await self._wait_while_on_hold()
        else:
            await self._advance_by_status()

    async def _advance_by_status(self) -> None:
        match Status(self.view.status):
            case Status.PAID | Status.PREPARING | Status.SHIPPED if self.is_split:
                await self.fulfil()
            case Status.RECEIVED:
                await self._wait_for_stock()
            case Status.PENDING_PAYMENT:
                await self._collect_payment()
            case Status.PAID:
                await self._book()
            case Status.PREPARING | Status.SHIPPED:
                await (self._book() if self.needs_reshipment() else self._follow_parcel())
            case Status.DELIVERED:
                await self._close_after_return_window()
            case Status.COMPLETED | Status.CANCELLED:
                # Open updates are answered before the workflow ends; events may arrive meanwhile.
                await workflow.wait_condition(
                    lambda: (
                        self.events_pending
                        or self.cancel_requested
                        or (workflow.all_handlers_finished() and not self.is_refunding and not self.is_settling)
                    )
                )

    # ── stock ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _reserve(self, summary: str) -> None:
        """What a hold kept from being reserved is tried again once it is released."""
        self.update_view(await ports.reserve_stock(self.ref, summary))
        hold = self.view.hold
        if self.view.status == Status.RECEIVED and hold is not None and hold.stops:
            self.stock_arrived = True

    async def _wait_for_stock(self) -> None:
        """A backorder waits for a receipt; its deadline cancels it."""
        # Without a deadline it was never tried: a hold stood before it.
        untried = not self.view.deadline
        if untried or await self.wait(lambda: self.stock_arrived, self.until(self.view.deadline), "stock to arrive"):
            if self.held():
                return
            self.stock_arrived = False
            await self._reserve("reserve stock that arrived")
        elif not self.interrupted() and self.has_passed(self.view.deadline):
            self.update_view(await ports.expire_backorder(self.ref, "stock never came"))

    # ── money ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _collect_payment(self) -> None:
        match self.view.attempt_state:
            case AttemptState.OPEN:
                await self._authorise()
            case AttemptState.AUTHORISED:
                await self._capture()
            case AttemptState.PENDING:
                await self._await_decision()
            case AttemptState.CAPTURING:
                await self._await_capture()
            case _:
                await self._wait_for_payment()

    async def _authorise(self) -> None:
        attempt = m.AttemptRef(self.order_no, self.view.attempt)
        await self.step(
            Step.AUTHORISE,
            lambda: ports.authorise_payment(attempt, self.policy, f"authorise payment, attempt {attempt.attempt}"),
        )

    async def _capture(self) -> None:
        if self.view.review:
            # The provider wants a person to look before money is taken.
            await self.park(Step.REVIEW, Failure("payment_review", "", 1))
            return
        attempt = m.AttemptRef(self.order_no, self.view.attempt)
        await self.step(Step.CAPTURE, lambda: ports.capture_payment(attempt, self.policy, "capture payment"))

    async def _await_capture(self) -> None:
        """The provider takes the money later and tells us by notification; asking now and then covers a lost one. What
        is being taken has no deadline."""
        until = (workflow.now() + timedelta(seconds=self.policy.payment_poll_s)).isoformat()
        await self.wait(lambda: False, until, "the provider to take the payment")
        if not self.interrupted():
            attempt = m.AttemptRef(self.order_no, self.view.attempt)
            await self.step(Step.CAPTURE, lambda: ports.capture_payment(attempt, self.policy, "ask for the capture"))

    async def _await_decision(self) -> None:
        """The provider decides later and tells us by notification; asking now and then covers a lost one."""
        started = workflow.now()
        poll = (started + timedelta(seconds=self.policy.payment_poll_s)).isoformat()
        until = min(poll, self.view.deadline) if self.view.deadline else poll
        await self.wait(lambda: False, until, "the provider's decision on the payment")
        if self.interrupted():
            return
        attempt = m.AttemptRef(self.order_no, self.view.attempt)
        await self.step(Step.AUTHORISE, lambda: ports.check_payment(attempt, self.policy, "ask for the decision"))
        if self.view.attempt_state == AttemptState.PENDING and self.is_past(self.view.deadline):
            self.update_view(await ports.expire_payment(self.ref, "payment deadline"))

    async def _wait_for_payment(self) -> None:
        """Unpaid orders end on time; a payment that is stored by then takes precedence."""
        until = self.until(self.view.deadline)
        if not await self.wait(lambda: self.view.attempt_state == AttemptState.OPEN, until, "payment"):
            if self.interrupted() or not self.has_passed(self.view.deadline):
                return
            self.update_view(await ports.expire_payment(self.ref, "payment deadline"))

    async def _return_payment(self, scope: str) -> None:
        request = m.ReturnRequest(self.order_no, scope)
        words = "return money that is not the order's" if scope == "stray" else "void or refund the payment"
        await self.step(
            Step.RETURN_PAYMENT,
            lambda: ports.return_payment(request, self.policy, words),
            undoing=True,
            subject=scope,
        )

    # ── parcel ─────────────────────────────────────────────────────────────────────────────────────────────

    async def _book(self) -> None:
        self.booking = True
        self.shipment_data_changed = False  # the database is read from here on
        try:
            await self.step(Step.BOOK, lambda: ports.book_shipment(self.ref, self.policy, "book carrier"))
        finally:
            self.booking = False

    async def _follow_parcel(self) -> None:
        if self.view.parcel in PARKED_BY:
            await self.park(Step.DELIVER, Failure(PARKED_BY[self.view.parcel], "", 1))
            return
        # A parcel that is sent again waits for its pick-up while the order has shipped.
        awaits_pickup = self.view.status == Status.PREPARING or self.view.reship
        what = "the carrier to pick up" if awaits_pickup else "the carrier to deliver"
        if not await self.wait(lambda: False, self.view.deadline, what, shared_timer=True) and not self.interrupted():
            error = "no_pickup" if awaits_pickup else "no_delivery"
            await self.park(Step.DELIVER, Failure(error, "", 1))

    async def _stop_replacement(self) -> None:
        """The first parcel arrived after all: the second is called back where it still can be."""
        words = "the first parcel arrived: stop the second"
        await self.step(Step.CANCEL_SHIPMENT, lambda: ports.stop_replacement(self.ref, self.policy, words))

    async def _close_after_return_window(self) -> None:
        if self.view.returns and self.has_passed(self.view.deadline):
            # The last return ends the order, however long it takes.
            await self.wait(lambda: not self.view.returns, "", "its returns")
            return
        if self.is_owed and self.has_passed(self.view.deadline):
            await self.wait(lambda: not self.is_owed, "", "the payment of what is owed")
            return
        if not await self.wait(lambda: False, self.view.deadline, "the return window to close"):
            if self.interrupted():
                return
            self.update_view(await ports.complete_order(self.ref, "complete"))
            self.show()

    # ── holds ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _wait_while_on_hold(self) -> None:
        """No step forward while a hold stops the order; events and a cancellation are handled."""
        hold = self.view.hold
        assert hold is not None, "held by something"
        await self.wait(lambda: not self.held(), hold.due, f"the {hold.kind} hold to be released")

    # ── undoing ────────────────────────────────────────────────────────────────────────────────────────────

    async def _compensate(self, cause: str) -> None:
        """Undo in reverse order what was done according to the database; each part is idempotent and may park.

        The intent that precedes every provider call is the registration of its compensation.
        """
        if not self.view.cancelling:
            request = m.CancelRequest(self.order_no, cause, "system")
            try:
                self.update_view(await ports.begin_cancel(request, f"undo: {cause}"))
            except (ActivityError, ApplicationError) as error:
                # The world was quicker (it was delivered after all): there is nothing to undo any more.
                about = {"step": "undo", "code": Failure.of(error).code}
                workflow.logger.warning("undo refused", extra=about)
                self.update_view(await ports.load_order(self.ref, "where it stands now"))
                return
        if not await self._recall_parcel():
            return
        await self.wait_for_refunds()
        await self.wait_for_settlement()
        await self._return_payment("all")
        self.update_view(await ports.finish_cancel(self.ref, "release stock and close as cancelled"))
        self.show()

    async def _recall_parcel(self) -> bool:
        """False when the parcel cannot come back: then the cancellation is refused and the order continues."""
        if self.is_split:
            return await self.recall_parts()
        if not self.view.parcel or self.view.parcel in PARKED_BY:
            return True
        await self.step(
            Step.CANCEL_SHIPMENT, lambda: ports.cancel_shipment(self.ref, self.policy, "recall parcel"), undoing=True
        )
        if self.view.parcel not in LEFT:
            return True
        self.update_view(await ports.refuse_cancel(self.ref, "the parcel is on its way"))
        return False

    # ── what people ask ────────────────────────────────────────────────────────────────────────────────────

    @workflow.update(name=names.CANCEL, description="Undo the order, if it has not shipped")
    async def cancel(self, request: m.CancelRequest) -> m.UpdateAnswer:
        """Answers when it is decided: undone, being undone, or refused because the parcel is on its way."""
        await self.wait_until_loaded()
        self.check_cancel(request)
        self.update_view(await self.refusing(ports.begin_cancel(request, f"cancel: {request.cause}")))
        await workflow.wait_condition(self.cancel_decided)
        if not self.view.cancelling and self.view.status != Status.CANCELLED:
            raise ApplicationError("parcel_on_its_way", type="parcel_on_its_way", non_retryable=True)
        return m.UpdateAnswer(
            self.order_no, self.view.status, "cancelled" if self.view.status == Status.CANCELLED else "cancelling"
        )

    @cancel.validator
    def check_cancel(self, request: m.CancelRequest) -> None:
        """Refuse before anything is recorded."""
        if not self.has_view:
            return
        if (why := cancellation.refusal(Status(self.view.status), bool(self.view.cancelling))) is not None:
            raise ApplicationError(why.code, type=why.code, non_retryable=True)

    def cancel_decided(self) -> bool:
        """True once the recall is through or refused, or a person must decide."""
        undone = self.view.status == Status.CANCELLED or not self.view.cancelling
        parcel = self.view.parcel or any(part.parcel for part in self.view.fulfilments)
        return undone or self.stuck or not (parcel or self.booking)

    @workflow.update(name=names.PAY, description="Pay, or pay again after a decline")
    async def pay(self, request: m.PayRequest) -> m.UpdateAnswer:
        """Answers when the provider has decided, or asks for patience."""
        await self.wait_until_loaded()
        self.check_pay(request)
        self.update_view(await self.refusing(ports.open_payment(request, "take up a payment")))
        attempt = self.view.attempt
        await workflow.wait_condition(lambda: self.payment_decided(attempt))
        return m.UpdateAnswer(self.order_no, self.view.status, outcome_of(self.view.attempt_state))

    @pay.validator
    def check_pay(self, request: m.PayRequest) -> None:
        """Refuse before anything is recorded. Whether a payment is in flight, the database decides: a decline may be
        there before this run knows of it."""
        if not self.has_view:
            return
        facts = PayabilityFacts(Status(self.view.status), bool(self.view.cancelling), owed=self.is_owed)
        if (why := refusal(facts)) is not None:
            raise ApplicationError(why.code, type=why.code, non_retryable=True)

    def payment_decided(self, attempt: int) -> bool:
        """True when this attempt no longer changes automatically."""
        if self.view.terms:
            return self.settlement_decided(attempt)
        moved_on = self.view.attempt != attempt or self.view.status != Status.PENDING_PAYMENT
        is_stopped = self.stuck or self.held()
        return moved_on or is_stopped or self.view.attempt_state in ANSWERED

    @workflow.update(name=names.RESOLVE, description="Retry, skip, amend or compensate the step that is parked")
    async def resolve(self, request: m.ResolveRequest) -> m.UpdateAnswer:
        """Answers when the act is accepted; the step then runs."""
        await self.wait_until_loaded()
        self._require_parked(request)
        self.resolution = request
        return m.UpdateAnswer(self.order_no, self.view.status, request.action)

    @resolve.validator
    def check_resolve(self, request: m.ResolveRequest) -> None:
        """Refuse before anything is recorded: also while the step is being resolved."""
        if self.resolving:
            raise ApplicationError("not_parked", type="not_parked", non_retryable=True)
        self._require_parked(request)

    def _require_parked(self, request: m.ResolveRequest) -> None:
        if not self.has_view:
            return
        if self.view.parked is None or self.resolution is not None:
            raise ApplicationError("not_parked", type="not_parked", non_retryable=True)
        if request.park_no not in (0, self.view.parked.park_no):
            raise ApplicationError("step_moved_on", type="step_moved_on", non_retryable=True)
        if request.action not in self.view.parked.options:
            raise ApplicationError("action_not_possible", type="action_not_possible", non_retryable=True)

    @workflow.update(name=names.ADJUST, description="Move the order manually along the transition table")
    async def adjust(self, request: m.AdjustRequest) -> m.UpdateAnswer:
        """Answers when it is stored; the workflow then continues from there."""
        await self.wait_until_loaded()
        self.check_adjust(request)
        self.update_view(await self.refusing(ports.adjust_order(request, f"manual transition: {request.event}")))
        self.events_pending = True  # the workflow reads the database again, whatever it waits for
        return m.UpdateAnswer(self.order_no, self.view.status, request.event)

    @adjust.validator
    def check_adjust(self, request: m.AdjustRequest) -> None:
        """Refuse before anything is recorded."""
        if self.has_view and (self.view.parked is not None or self.view.cancelling):
            code = "step_is_stuck" if self.view.parked else "adjustment_not_possible"
            raise ApplicationError(code, type=code, non_retryable=True)

    async def refusing(self, operation: Awaitable[m.OrderView]) -> m.OrderView:
        """Turn a refusal by the database into the update's refusal: anything else would loop the workflow task."""
        try:
            return await operation
        except (ActivityError, ApplicationError) as error:
            raise refusal_from(error) from error
