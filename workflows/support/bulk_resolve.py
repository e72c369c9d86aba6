"""A bulk operation of support: one resolution after the other, at the requested rate."""

from temporalio import workflow

from workflows import names, ports
from workflows.cancellation_shield import through
from workflows.payloads import StartJob


@workflow.defn(name=names.BULK_RESOLVE)
class BulkResolveWorkflow:
    """Processes the items of a job in the database; finished items are marked there, so a new run continues."""

    @workflow.run
    async def run(self, job: StartJob) -> None:
        """Resolve all of them. A job is stopped in the database: Temporal's own cancellation has no effect on it."""
        await through(self._work(job), _refuse_cancellation)

    async def _work(self, job: StartJob) -> None:
        workflow.set_current_details(f"Up to {job.rate_per_s:g} orders a second; progress is in the database.")
        left = 1
        while left:
            left = (await ports.resolve_slice(job, f"resolve up to {job.rate_per_s:g} orders a second")).left
        workflow.set_current_details("Finished, or stopped on request.")


def _refuse_cancellation() -> None:
    workflow.logger.warning("cancellation from Temporal has no effect on a bulk operation: stop its job")
