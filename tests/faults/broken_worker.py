"""A worker of the next version, whose workflow code is wrong: `python -m tests.faults.broken_worker`.

It leaves a mark in the history before it raises, so that the corrected code does not fit it: only a reset heals.
"""

from datetime import timedelta

from temporalio import workflow

from workers import worker
from workflows import names
from workflows import payloads as m
from workflows.orders.order import OrderWorkflow

REPORTED = "the next version is wrong"


@workflow.defn(name=names.ORDER)
class BrokenAtBooking(OrderWorkflow):
    """Everything as it should be, until the parcel is to be booked."""

    @workflow.run
    async def run(self, start: m.StartOrder) -> str:
        return await super().run(start)

    async def _book(self) -> None:
        await workflow.sleep(timedelta(milliseconds=1), summary="a mark that should not be here")
        raise ZeroDivisionError(REPORTED)


if __name__ == "__main__":
    worker.OrderWorkflow = BrokenAtBooking  # type: ignore[misc]
    worker.run()
