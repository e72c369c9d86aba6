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
from workflows.orders.concurrent_refunds import BESIDE, STEP_OF, ConcurrentRefunds

GUARANTEE = {
    "guarantee": "authorise the guarantee",
    "guarantee_release": "give the guarantee back",
    "guarantee_claim": "claim the guarantee",
}


class PendingOperations(ConcurrentRefunds):
    """Pending operations. They are decided; executing them may park, like any step that calls a provider."""

    async def errand(self, errand: m.PendingOperation) -> None:
        """Carry it out; the view that comes back names the next one, if there is any."""
        match errand.kind:
            case kind if kind in STEP_OF:
                await self.give_back_beside(errand)
            case "guarantee" | "guarantee_release" | "guarantee_claim":
                await self.step(Step.GUARANTEE, lambda: self._tend_guarantee(errand), subject=errand.id)
            case "renewal":
                await self._renew(errand)
            case "supplement" | "supplement_pending":
                await self._take_difference(errand)
            case kind:
                # The database is newer than this worker: its task fails, is shown as a bug, and continues with the next
                # version.
                raise RuntimeError(f"errand {kind} is for a newer version of this worker")

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

    async def errands_meanwhile(self) -> None:
        await self.follow_returns()
        errand = self.view.errand
        if errand is not None and errand.kind in STEP_OF and not self.view.cancelling and not self.beside:
            self.begin_beside()

    async def errand_beside(self, parked: m.Parked) -> None:
        """A refund is tried beside another step that is stuck; what fails waits until that one is resolved."""
        await self.follow_returns()
        if (errand := self.view.errand) is not None and errand.kind == "renewal" and not self.view.cancelling:
            await self._renew(errand)
        if not self.may_begin_beside(parked):
            return
        if workflow.patched(BESIDE):
            self.begin_beside()
        else:
            await self._pay_in_turn(parked)

    async def _pay_in_turn(self, parked: m.Parked) -> None:
        while self.may_begin_beside(parked) and (errand := self.view.errand) is not None and errand.kind == "refund":
            try:
                self.adopt(await self.give_back(errand))
            except ActivityError as error:
                about = {"step": "refund", "code": Failure.of(error).code}
                workflow.logger.warning("refund put off", extra=about)
                return

    async def _take_difference(self, errand: m.PendingOperation) -> None:
        """The change waits in the database until its additional payment is captured, refused, or not made in time."""
        if errand.kind == "supplement_pending" and not await self._decided(errand):
            return
        ref = m.ChangePaymentRef(self.order_no, int(errand.id))
        words = f"take the difference of change {errand.id}"
        await self.step(Step.SUPPLEMENT, lambda: ports.tend_supplement(ref, self.policy, words), subject=errand.id)

    async def _decided(self, errand: m.PendingOperation) -> bool:
        """The provider decides later: False when something else needs the story first, else it is asked again."""
        poll = workflow.now() + timedelta(seconds=self.policy.payment_poll_s)
        until = min(poll, datetime.fromisoformat(errand.until)) if errand.until else poll
        left = max(until - workflow.now(), timedelta(milliseconds=1))
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self.news or self.cancel_asked or bool(self.view.cancelling) or self.view.errand != errand,
                timeout=left,
                timeout_summary="waiting for the provider's decision on the difference",
            )
            return False
        return True

    async def _renew(self, errand: m.PendingOperation) -> None:
        """If the provider does not answer, this is postponed: the database says for how long."""
        ref = m.RenewalRef(self.order_no, int(errand.id))
        try:
            self.adopt(
                await ports.renew_authorisation(ref, self.policy, "authorise anew before the authorisation ends")
            )
        except ActivityError as error:
            workflow.logger.warning("renewal put off", extra={"step": "authorise", "code": Failure.of(error).code})
            self.adopt(await ports.put_off_renewal(ref, "put the renewal off"))

    async def _tend_guarantee(self, errand: m.PendingOperation) -> m.OrderView:
        ref = m.GuaranteeRef(self.order_no, errand.id)
        return await ports.tend_guarantee(ref, self.policy, GUARANTEE[errand.kind])
