"""Workflows that decide otherwise than the product's: what the replay test must notice. Imported inside the sandbox."""

from datetime import datetime

from temporalio import workflow

from workflows import names, ports
from workflows import payloads as m
from workflows.orders.order import OrderWorkflow


@workflow.defn(name=names.ORDER)
class PaysAfterBooking(OrderWorkflow):
    """The same steps in another order."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        return await super().run(start)

    async def _authorise(self) -> None:
        await self._book()
        await super()._authorise()


@workflow.defn(name=names.ORDER)
class RefundsBeforeRecall(OrderWorkflow):
    """Undoes in the wrong order."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        return await super().run(start)

    async def _recall_parcel(self) -> bool:
        await self._return_payment("all")
        return await super()._recall_parcel()


@workflow.defn(name=names.ORDER)
class LooksTwice(OrderWorkflow):
    """One step more, that touches only the database."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        await ports.load_order(m.OrderRef(start.order_no), "look first")
        return await super().run(start)


@workflow.defn(name=names.ORDER)
class LooksBeforeOperations(OrderWorkflow):
    """One step more before a refund, a guarantee or a difference is paid."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        return await super().run(start)

    async def execute(self, operation: m.PendingOperation) -> None:
        await ports.load_order(m.OrderRef(self.order_no), "look first")
        await super().execute(operation)


@workflow.defn(name=names.ORDER)
class LooksAtTheClock(OrderWorkflow):
    """Not deterministic, without effect on this very history."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        assert datetime.now().year > 2000  # noqa: DTZ005 - the very mistake
        return await super().run(start)
