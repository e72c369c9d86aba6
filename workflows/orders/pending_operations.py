"""Operations that are decided in the database at any time, and that the workflow of the order executes."""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

from domain.support.steps import Step
from workflows import names, ports
from workflows import payloads as m
from workflows.failures import Failure
from workflows.orders.concurrent_refunds import BESIDE, STEP_OF
from workflows.orders.settlements import SETTLING, Settlements

GUARANTEE = {
    "guarantee": "authorise the guarantee",
    "guarantee_release": "give the guarantee back",
    "guarantee_claim": "claim the guarantee",
}


class PendingOperations(Settlements):
    """Pending operations. They are decided; executing them may park, like any step that calls a provider."""

    async def execute(self, operation: m.PendingOperation) -> None:
        """Carry it out; the view that comes back names the next one, if there is any."""
        match operation.kind:
            case kind if kind in STEP_OF:
                await self.refund_concurrently(operation)
            case "guarantee" | "guarantee_release" | "guarantee_claim":
                await self.step(Step.GUARANTEE, lambda: self._process_guarantee(operation), subject=operation.id)
            case kind if kind in SETTLING:
                self.settle_beside()
            case "capture":
                await self.capture_fulfilment(operation)
            case "renewal":
                await self._renew(operation)
            case "supplement" | "supplement_pending":
                await self._collect_change_payment(operation)
            case kind:
                # The database is newer than this worker: its task fails, is shown as a bug, and continues with the next
                # version.
                raise RuntimeError(f"operation {kind} is for a newer version of this worker")

    def unfollowed(self) -> list[str]:
        """Open returns whose own workflow this run has not seen to."""
        return [return_id for return_id in self.view.returns if return_id not in self.followed]

    async def follow_returns(self) -> None:
        """Each open return has a workflow of its own, which outlives this run; one that is there already is left."""
        for return_id in self.unfollowed():
            self.followed.add(return_id)
            with suppress(WorkflowAlreadyStartedError):
                await workflow.start_child_workflow(
                    names.RETURN,
                    m.ReturnRef(self.order_no, return_id),
                    id=names.return_workflow(return_id),
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
                    parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                    static_summary=f"{return_id} of order {self.order_no}",
                )

    async def start_operations_while_waiting(self) -> None:
        await self.follow_returns()
        operation = self.view.errand
        if operation is not None and operation.kind in STEP_OF and not self.view.cancelling and not self.is_refunding:
            self.start_refunds()

    async def start_operations_while_parked(self, parked: m.Parked) -> None:
        """A refund is tried beside another step that is stuck; what fails waits until that one is resolved."""
        await self.follow_returns()
        if (operation := self.view.errand) is not None and operation.kind == "renewal" and not self.view.cancelling:
            await self._renew(operation)
        if not self.may_start_refunds(parked):
            return
        if workflow.patched(BESIDE):
            self.start_refunds()
        else:
            await self._pay_in_turn(parked)

    async def _pay_in_turn(self, parked: m.Parked) -> None:
        while (
            self.may_start_refunds(parked)
            and (operation := self.view.errand) is not None
            and operation.kind == "refund"
        ):
            try:
                self.update_view(await self.return_money(operation))
            except ActivityError as error:
                about = {"step": "refund", "code": Failure.of(error).code}
                workflow.logger.warning("refund put off", extra=about)
                return

    async def _collect_change_payment(self, operation: m.PendingOperation) -> None:
        """The change waits in the database until its additional payment is captured, refused, or not made in time."""
        if operation.kind == "supplement_pending" and not await self._decided(operation):
            return
        ref = m.ChangePaymentRef(self.order_no, int(operation.id))
        words = f"take the difference of change {operation.id}"
        await self.step(
            Step.SUPPLEMENT, lambda: ports.process_due_change_payment(ref, self.policy, words), subject=operation.id
        )

    async def _decided(self, operation: m.PendingOperation) -> bool:
        """The provider decides later: False when something else must be handled first, else it is polled again."""
        poll = workflow.now() + timedelta(seconds=self.policy.payment_poll_s)
        until = min(poll, datetime.fromisoformat(operation.until)) if operation.until else poll
        left = max(until - workflow.now(), timedelta(milliseconds=1))
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: (
                    self.events_pending
                    or self.cancel_requested
                    or bool(self.view.cancelling)
                    or self.view.errand != operation
                ),
                timeout=left,
                timeout_summary="waiting for the provider's decision on the difference",
            )
            return False
        return True

    async def _renew(self, operation: m.PendingOperation) -> None:
        """If the provider does not answer, this is postponed: the database says for how long."""
        ref = m.RenewalRef(self.order_no, int(operation.id))
        try:
            self.update_view(
                await ports.renew_authorisation(ref, self.policy, "renew the authorisation before it ends")
            )
        except ActivityError as error:
            workflow.logger.warning("renewal put off", extra={"step": "authorise", "code": Failure.of(error).code})
            self.update_view(await ports.postpone_renewal(ref, "put the renewal off"))

    async def _process_guarantee(self, operation: m.PendingOperation) -> m.OrderView:
        ref = m.GuaranteeRef(self.order_no, operation.id)
        return await ports.process_due_guarantee(ref, self.policy, GUARANTEE[operation.kind])
