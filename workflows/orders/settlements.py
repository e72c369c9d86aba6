"""Orders on payment terms: what is owed is paid beside the order's main path, also after it was delivered."""

import asyncio
from contextlib import suppress
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.payments.attempts import ANSWERED, AttemptState
from domain.payments.receivables import Terms
from workflows import payloads as m
from workflows import ports
from workflows.failures import Failure
from workflows.orders.capturing_shipments import CapturingShipments

SETTLING = ("settlement", "settlement_pending")


class Settlements(CapturingShipments):
    """One task takes the payment that is asked for. A provider that does not answer is asked again, at growing
    intervals: nothing of the order waits for it, so nothing is parked."""

    def __init__(self) -> None:
        super().__init__()
        self._settling: asyncio.Task[None] | None = None

    @property
    def is_settling(self) -> bool:
        """True while the task takes a payment."""
        return self._settling is not None and not self._settling.done()

    def due(self) -> m.PendingOperation | None:
        operation = super().due()
        return None if operation is not None and operation.kind in SETTLING and self.is_settling else operation

    def settle_beside(self) -> None:
        """Start the task."""
        if self._settling is not None:
            self._settling.result()  # a bug in it is one of the main path
        self._settling = asyncio.create_task(self._settle())

    async def wait_for_settlement(self) -> None:
        """Wait for the call in progress, if any: a cancellation returns the money itself."""
        if self.is_settling:
            await workflow.wait_condition(lambda: not self.is_settling)

    def settlement_decided(self, attempt: int) -> bool:
        """True when this attempt to pay what is owed no longer changes automatically."""
        state = self.view.attempt_state
        return self.view.attempt != attempt or state in ANSWERED or state == AttemptState.CAPTURED

    @property
    def is_owed(self) -> bool:
        """True for an order on payment terms that is not paid."""
        return self.view.terms == Terms.OWED

    async def _settle(self) -> None:
        begun = workflow.now()
        while (operation := self._settlement()) is not None and not self.view.cancelling:
            if operation.since and not await self._wait_to_poll_payment(
                operation, datetime.fromisoformat(operation.since)
            ):
                continue
            before = operation, self.view.attempt_state
            try:
                attempt = m.AttemptRef(self.order_no, int(operation.id))
                words = "ask for the decision on the payment" if operation.since else "take the payment of what is owed"
                self.update_view(await ports.settle_receivable(attempt, self.policy, words))
            except ActivityError as error:
                about = {"step": "authorise", "code": Failure.of(error).code}
                workflow.logger.warning("payment of what is owed put off", extra=about)
                await self._wait_to_poll_payment(operation, begun)
                continue
            if not operation.since and (self._settlement(), self.view.attempt_state) == before:
                # Refunds that are under way may need all that is owed.
                await self._wait_to_poll_payment(operation, begun)

    def _settlement(self) -> m.PendingOperation | None:
        operation = self.view.errand
        return operation if operation is not None and operation.kind in SETTLING else None

    async def _wait_to_poll_payment(self, operation: m.PendingOperation, since: datetime) -> bool:
        """False when something came before it was time to ask again."""
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.view.errand != operation or bool(self.view.cancelling),
                timeout=self.poll_interval(since),
                timeout_summary="waiting for the provider's decision on the payment of what is owed",
            )
            return False
        return True
