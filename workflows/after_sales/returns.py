"""The workflow of one return: its label, its reminders, and its end when nobody acts.

Actions of people are decided in the database at once; a signal tells this workflow to read them.
"""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior
from temporalio.exceptions import ActivityError

from domain.after_sales.returns import ReturnDue
from workflows import names, ports
from workflows import payloads as m
from workflows.cancellation_shield import through
from workflows.failures import Failure

WORDS: dict[str, str] = {
    ReturnDue.REMIND: "a reminder",
    ReturnDue.APPROVE: "an answer, else it is approved",
    ReturnDue.EXPIRE: "the parcel, else it expires",
    ReturnDue.TAKE_AS_LOST: "the parcel, else it counts as lost by our carrier",
    ReturnDue.INSPECT: "the inspection, else it counts as new",
    ReturnDue.COMPLETE: "its end",
}


@workflow.defn(name=names.RETURN, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class ReturnWorkflow:
    """Reads where the return stands, does what is due, waits for the next; ends with it."""

    def __init__(self) -> None:
        self._changed = False
        self._policy = m.Policy()
        self._view: m.ReturnView | None = None

    @workflow.run
    async def run(self, ref: m.ReturnRef) -> str:
        """Follow the return to its end; answers with its final status."""
        return await through(self._run_to_end(ref), self._refuse_cancellation)

    def _refuse_cancellation(self) -> None:
        """A return ends in the database and not here: it is cancelled through the API."""
        workflow.logger.warning("cancellation from Temporal has no effect on a return")

    async def _run_to_end(self, ref: m.ReturnRef) -> str:
        while not self._is_finished():
            try:
                await self._advance(ref)
            except asyncio.CancelledError:  # in a run of an earlier version only (see cancellation_shield.py)
                self._refuse_cancellation()
            if not self._changed and workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(ref)
        assert self._view is not None, "over only once it was read"
        return self._view.status

    def _is_finished(self) -> bool:
        """True when nothing is left to do, now; what is taken in after its end begins a new run."""
        if self._view is None or self._changed:
            return False
        return self._view.closed and self._view.label != "unused"

    async def _advance(self, ref: m.ReturnRef) -> None:
        """One step, chosen by the state in the database."""
        if self._view is None or self._changed:
            self._changed = False
            self._update_view(await ports.load_return(ref, "where the return stands"))
        elif self._view.label == "wanted":
            await self._book_label(ref)
        elif self._view.label == "unused":
            await self._give_label_back(ref, self._view)
        elif self._view.act and self._is_past(self._view.due):
            await self._process_due(ref, self._view)
        else:
            await self._wait(self._view)

    async def _process_due(self, ref: m.ReturnRef, view: m.ReturnView) -> None:
        due = m.ReturnActionDue(ref.order_no, ref.return_id, view.act)
        self._update_view(await ports.process_due_return(due, f"{view.act.replace('_', ' ')}: its time has come"))
        if self._view is not None and (self._view.act, self._view.due) == (view.act, view.due):
            # The database's clock is behind Temporal's: it is not due there yet.
            await workflow.sleep(timedelta(seconds=1), summary="waiting for the database's clock")

    async def _give_label_back(self, ref: m.ReturnRef, view: m.ReturnView) -> None:
        """A label that nobody uses costs money at some carriers; one that cannot be given back stops nothing."""
        try:
            self._update_view(await ports.cancel_return_label(ref, self._policy, "give the unused label back"))
        except ActivityError as error:
            about = {"step": "label", "code": Failure.of(error).code}
            workflow.logger.warning("label not given back", extra=about)
            self._update_view(replace(view, label="booked"))

    async def _book_label(self, ref: m.ReturnRef) -> None:
        """Without a label the customer uses another carrier: the return continues."""
        try:
            self._update_view(await ports.book_return_label(ref, self._policy, "book the return label"))
        except ActivityError as error:
            code = Failure.of(error).code
            failed = m.LabelFailed(ref.order_no, ref.return_id, code)
            self._update_view(await ports.fail_return_label(failed, f"no return label: {code}"))

    async def _wait(self, view: m.ReturnView) -> None:
        if not view.act:
            await workflow.wait_condition(lambda: self._changed)
            return
        left = max(datetime.fromisoformat(view.due) - workflow.now(), timedelta(milliseconds=1))
        summary = f"waiting for {WORDS[view.act]} until {view.due[:19]}Z"
        timer = asyncio.create_task(workflow.sleep(left, summary=summary))
        try:
            await workflow.wait_condition(lambda: self._changed or timer.done())
        finally:
            timer.cancel()

    def _is_past(self, due: str) -> bool:
        return workflow.now() >= datetime.fromisoformat(due)

    def _update_view(self, view: m.ReturnView) -> None:
        self._view = view
        if view.policy is not None:
            self._policy = view.policy
        workflow.set_current_details(self._details(view))

    def _details(self, view: m.ReturnView) -> str:
        lines = [f"**{view.status}** · return of order {view.order_no}"]
        if view.act and not view.closed:
            lines.append(f"waits for {WORDS[view.act]}, {view.due[:19]}Z")
        if view.label != "none":
            lines.append(f"label: {view.label}")
        return "\n\n".join(lines)

    @workflow.signal(name=names.RETURN_CHANGED, description="The return has changed; it is in the database")
    def on_changed(self, payload: Any = None) -> None:
        self._changed = True
