"""What goes back to the customer beside the order's main path: refunds, and surplus money that is pending.

A provider that answers "pending" has taken the refund: it is asked now and then, ever less often, until it has decided
or its notification comes. Fulfilment waits for none of it; only what fails for good parks, between two steps.
"""

import asyncio
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

from domain.steps import Step
from workflows import messages as m
from workflows import ports
from workflows.failures import Failure
from workflows.sticking import Sticking

BESIDE = "refunds-beside"
STEP_OF = {"refund": Step.REFUND, "refund_pending": Step.REFUND, "stray_pending": Step.RETURN_PAYMENT}


class Beside(Sticking):
    """One task pays whatever is due, the oldest first, and asks about what is pending; it ends when nothing is left."""

    def __init__(self) -> None:
        super().__init__()
        self._payer: asyncio.Task[None] | None = None
        self._unpaid: tuple[str, Failure] | None = None

    @property
    def beside(self) -> bool:
        """True while the task sees to the errand."""
        return self._payer is not None and not self._payer.done()

    def due(self) -> m.Errand | None:
        errand = self.view.errand
        return None if errand is not None and errand.kind in STEP_OF and self.beside else errand

    async def give_back_beside(self, errand: m.Errand) -> None:
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
        """Wait for the call in flight, if there is one: whoever undoes the order gives everything back himself."""
        if self.beside:
            await workflow.wait_condition(lambda: not self.beside)

    async def give_back(self, errand: m.Errand) -> m.OrderView:
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
        while (errand := self.view.errand) is not None and errand.kind in STEP_OF and not self.view.cancelling:
            if errand.since and not await self._asked_later(errand):
                continue
            try:
                self.adopt(await self.give_back(errand))
            except ActivityError as error:
                self._put_off(errand, Failure.of(error))
                return
            if self.view.errand == errand and self._out_of_patience(errand):
                self._put_off(errand, Failure(errand.kind, "", 1))
                return

    def _put_off(self, errand: m.Errand, failure: Failure) -> None:
        """It parks, unless another step is parked: then it is tried again with the next news, or after that one."""
        if self.view.parked is None:
            self._unpaid = errand.id, failure
        else:
            workflow.logger.warning("refund put off", extra={"step": "refund", "code": failure.code})

    async def _asked_later(self, errand: m.Errand) -> bool:
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

    def _out_of_patience(self, errand: m.Errand) -> bool:
        age = workflow.now() - datetime.fromisoformat(errand.since or workflow.now().isoformat())
        return bool(errand.since) and age >= timedelta(seconds=self.policy.pending_patience_s)


def _subject(errand: m.Errand) -> str:
    """What a step that gives back is about."""
    return "stray" if STEP_OF[errand.kind] is Step.RETURN_PAYMENT else errand.id
