"""The workflow of one transfer between warehouses: it waits for its steps, and opens a case when it is late.

Steps are decided in the database at once; a signal tells this workflow to read them. It ends with the transfer.
"""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.common import SearchAttributeKey, VersioningBehavior

from domain.json_types import JsonValue
from domain.text import counted
from workflows import names, ports
from workflows import payloads as m
from workflows.cancellation_shield import through

_STATUS = SearchAttributeKey.for_keyword(names.OMS_STATUS)


@workflow.defn(name=names.TRANSFER, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class TransferWorkflow:
    """Reads where the transfer stands and waits for its next step or its day."""

    def __init__(self) -> None:
        self._changed = False
        self._view: m.TransferView | None = None

    @workflow.run
    async def run(self, ref: m.TransferRef) -> str:
        """Follow the transfer to its end; answers with its final status."""
        return await through(self._run_to_end(ref), self._refuse_cancellation)

    def _refuse_cancellation(self) -> None:
        """A transfer ends in the database and not here: it is cancelled through the API."""
        workflow.logger.warning("cancellation from Temporal has no effect on a transfer")

    async def _run_to_end(self, ref: m.TransferRef) -> str:
        view = self._update_view(await ports.load_transfer(ref, "where the transfer stands"))
        while not view.closed or self._changed:
            if self._changed:
                self._changed = False
                view = self._update_view(await ports.load_transfer(ref, "what has changed"))
            elif view.due and workflow.now() >= datetime.fromisoformat(view.due):
                view = self._update_view(await ports.remind_transfer(ref, "it is late: open a case"))
                if view.due:
                    # The database's clock is behind Temporal's: it is not due there yet.
                    await workflow.sleep(timedelta(seconds=1), summary="waiting for the database's clock")
            else:
                await self._wait(view)
        return view.status

    async def _wait(self, view: m.TransferView) -> None:
        if not view.due:
            await workflow.wait_condition(lambda: self._changed)
            return
        left = max(datetime.fromisoformat(view.due) - workflow.now(), timedelta(milliseconds=1))
        timer = asyncio.create_task(workflow.sleep(left, summary=f"expected until {view.due[:19]}Z"))
        try:
            await workflow.wait_condition(lambda: self._changed or timer.done())
        finally:
            timer.cancel()

    def _update_view(self, view: m.TransferView) -> m.TransferView:
        if self._view is None or self._view.status != view.status:
            workflow.upsert_search_attributes([_STATUS.value_set(view.status)])
        self._view = view
        workflow.set_current_details(_details(view))
        return view

    @workflow.signal(name=names.TRANSFER_CHANGED, description="The transfer has changed; it is in the database")
    def on_changed(self, payload: JsonValue = None) -> None:
        self._changed = True


def _details(view: m.TransferView) -> str:
    lines = [f"**{view.status}** · {counted(view.requested, 'unit')} from {view.source} to {view.target}"]
    if view.in_transit:
        lines.append(f"{counted(view.in_transit, 'unit')} in transit")
    if not view.closed:
        lines.append(f"expected until {view.due[:19]}Z" if view.due else "late: a case is open")
    return "\n\n".join(lines)
