"""What was decided in the books for an order, at any time of its life, and is the story's to carry out."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.steps import Step
from workflows import messages as m
from workflows import ports
from workflows.failures import Failure
from workflows.sticking import Sticking


class AfterSales(Sticking):
    """The chapter of errands. The decision stands; carrying it out may park as any provider's step does."""

    async def errand(self, errand: m.Errand) -> None:
        """Carry it out; the view that comes back names the next one, if there is any."""
        match errand.kind:
            case "refund":
                await self.step(Step.REFUND, lambda: self._pay(errand))
            case kind:
                raise NotImplementedError(f"this code knows no errand {kind}")

    async def errand_beside(self, parked: m.Parked) -> None:
        """A refund is tried beside another step that is stuck; what fails waits until that one is resolved."""
        while (errand := self._payable_beside(parked)) is not None:
            try:
                self.adopt(await self._pay(errand))
            except ActivityError as error:
                workflow.logger.warning("refund put off: %s", Failure.of(error).code)
                return

    def _payable_beside(self, parked: m.Parked) -> m.Errand | None:
        errand = self.view.errand
        if errand is None or errand.kind != "refund" or self.view.cancelling or parked.step == Step.REFUND:
            return None
        return errand

    async def _pay(self, errand: m.Errand) -> m.OrderView:
        return await ports.pay_refund(m.RefundRef(self.order_no, errand.id), self.policy, "pay the refund")
