"""Bulk operations of staff, at a limited rate: each parked order gets its own resolution by an update, each order that
was chosen in a list its own action."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TypeVar

from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateHandle,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from activities.orders import bulk_actions
from activities.orders.bulk_actions import OrderActions
from domain.orders.bulk_actions import BulkAction
from domain.support.steps import FORWARD
from infra.db.approvals import approval_limits
from infra.db.approvals.approval_limits import Limits
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Connection, Database
from infra.db.orders.state import timeline
from infra.db.support import bulk_jobs, parked_steps
from infra.db.support.bulk_jobs import BulkJob, BulkJobItem
from infra.security.crypto import Unreadable, Vault
from infra.settings import Settings
from infra.temporal import running_activities, temporal_client
from workflows import names, ports
from workflows import payloads as m

PAGE = 100
AT_ONCE = 10
# One history event pair per slice; well below the activity's hour.
SLICE_S = 900.0
# Well below the time after which a silent activity is taken for dead: orders may be due further apart than that.
BEAT_S = 10.0
Out = TypeVar("Out")
# Jobs over orders that were chosen in a list; the others are over parked orders.
_CHOSEN = frozenset(BulkAction)
# An order whose workflow does not accept the action: the number of attempts, and the time-out of each in answer times.
# A workflow whose code fails accepts nothing before it is repaired; a slow one still may.
FAILING_TRIES, SLOW_TRIES, PATIENCE = 3, 10, 4
# Answers that asking again would not change.
_FINAL = {RPCStatusCode.NOT_FOUND, RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.FAILED_PRECONDITION}


@dataclass(slots=True)
class _Counts:
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class _Instruction:
    """A job with its reason and value in clear, for as long as the slice runs."""

    job: BulkJob
    reason: str = field(repr=False)
    value: dict[str, str] | None = field(repr=False)


class BulkJobActivities:
    """`client` is the worker's own."""

    def __init__(self, database: Database, vault: Vault, client: Client, settings: Settings) -> None:
        self._database = database
        self._vault = vault
        self._client = client
        self._task_queue = settings.task_queue
        self._answer_s = settings.workflow_timeout_s
        self._limits = Limits.from_settings(settings)
        self._orders = OrderActions(database, KeyRing(vault), settings, self._cancel)

    @activity.defn(name=ports.resolve_slice.name)
    async def resolve_slice(self, start: m.StartJob) -> m.JobSlice:
        """Resolve open items for up to a quarter of an hour; 0 are left once the job is through or stopped.

        Repeating is harmless: a resolution is kept under the item's id, which is the update's id too. Raises
        ApplicationError `unknown_job` when the database holds no such job, RPCError while Temporal does not answer.
        """
        instruction = await self._opened(start.job_id)
        counts, gate = _Counts(), asyncio.Semaphore(AT_ONCE)
        running: set[asyncio.Task[None]] = set()
        try:
            async for item in self._paced(start):
                await _alive(gate.acquire())
                task = asyncio.create_task(self._resolve(instruction, item, counts))
                running.add(task)
                task.add_done_callback(lambda _: gate.release())
                await _raise_first(running)
            await _alive(asyncio.gather(*running))
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        return await self._concluded(start.job_id, counts)

    async def _opened(self, job_id: str) -> _Instruction:
        async with self._database.begin() as connection:
            job = await bulk_jobs.find(connection, job_id)
        if job is None:
            raise ApplicationError("unknown_job", type="unknown_job", non_retryable=True)
        key = self._vault.unwrap(job.data_key)
        reason = self._vault.open_json(key, job.reason_enc, f"{job_id}:reason")
        sealed = job.value_enc
        return _Instruction(
            job, reason, None if sealed is None else self._vault.open_json(key, sealed, f"{job_id}:value")
        )

    async def _paced(self, start: m.StartJob) -> AsyncIterator[BulkJobItem]:
        """Open items at the job's rate, until there are none, the job is stopped, or the slice is long enough.

        Asks before each item whether the job still runs: whoever stops it means the next order, not the next page.
        """
        begun_s, given = monotonic(), 0
        after: BulkJobItem | None = None
        while monotonic() - begun_s < SLICE_S:
            page = await self._page(start.job_id, after)
            if not page:
                return
            for item in page:
                if not await self._is_running(start.job_id):
                    return
                yield item
                given += 1
                after = item
                await _until(begun_s + given / start.rate_per_s, given)

    async def _page(self, job_id: str, after: BulkJobItem | None) -> list[BulkJobItem]:
        async with self._database.begin() as connection:
            return await bulk_jobs.open_items(connection, job_id, after, PAGE)

    async def _is_running(self, job_id: str) -> bool:
        async with self._database.begin() as connection:
            return await bulk_jobs.is_running(connection, job_id)

    async def _resolve(self, instruction: _Instruction, item: BulkJobItem, counts: _Counts) -> None:
        if instruction.job.action in _CHOSEN:
            error = await self._orders.carry_out(_one_of(instruction, item))
        else:
            error = await self._refusal(instruction, item)
            async with self._database.begin() as connection:
                await bulk_jobs.close_item(connection, instruction.job.job_id, item.order_no, error)
        if error is None:
            counts.done += 1
        else:
            counts.failed += 1

    async def _refusal(self, instruction: _Instruction, item: BulkJobItem) -> str | None:
        """None when the order took it, else why not, as a code."""
        try:
            reason, value = self._sealed(instruction, item)
        except Unreadable:
            return "customer_unreadable"
        async with self._database.begin() as connection:
            await timeline.lock_order(connection, item.order_no)
            if not await bulk_jobs.is_saved(connection, item):
                if refusal := await self._not_any_more(connection, instruction.job, item):
                    return refusal
                await bulk_jobs.save_resolution(connection, instruction.job, item, reason, value)
        request = m.ResolveRequest(item.order_no, item.resolution_id, instruction.job.action, item.park_no or 0)
        return await self._send(names.RESOLVE, request, item.order_no, item.resolution_id)

    async def _cancel(self, request: m.CancelRequest) -> str | None:
        return await self._send(names.CANCEL, request, request.order_no, request.request_id)

    async def _not_any_more(self, connection: Connection, job: BulkJob, item: BulkJobItem) -> str | None:
        """Why the order is not acted on: it was freed, sticks elsewhere than was chosen, …"""
        park_no = await bulk_jobs.open_park(connection, item.order_no)
        if park_no is None or park_no != item.park_no:
            return "not_parked" if park_no is None else "step_moved_on"
        if await self._is_too_much(connection, job, item):
            return "second_person_needed"
        parked = await parked_steps.parked(connection, item.order_no)
        return "order_is_held" if parked.held and (parked.step, job.action) in FORWARD else None

    async def _is_too_much(self, connection: Connection, job: BulkJob, item: BulkJobItem) -> bool:
        """Whether this now needs approval, because of money that was given back since the job was opened.

        The daily limit of a person counts their open jobs, so it is checked when a job is opened.
        """
        if job.approval_id is not None:
            return False
        moved = await approval_limits.moved(connection, item.order_no, job.action)
        return await approval_limits.needs_two(connection, self._limits, item.order_no, moved, None, of_step=True)

    def _sealed(self, instruction: _Instruction, item: BulkJobItem) -> tuple[bytes, bytes | None]:
        """Reason and value under the customer's key; of an erased customer neither is kept."""
        if item.customer_key is None:
            return b"", None
        key = self._vault.unwrap(item.customer_key)
        reason = self._vault.seal_json(key, instruction.reason, f"{item.resolution_id}:reason")
        if instruction.value is None:
            return reason, None
        return reason, self._vault.seal_json(key, instruction.value, f"{item.resolution_id}:value")

    async def _send(self, update: str, request: object, order_no: str, update_id: str) -> str | None:
        for tries in itertools.count(1):
            try:
                async with asyncio.timeout(PATIENCE * self._answer_s):
                    handle = await self._accepted(update, request, order_no, update_id)
                await self._answered(handle)
            except WorkflowUpdateFailedError as error:
                return (error.cause.type if isinstance(error.cause, ApplicationError) else None) or "update_failed"
            except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                if given_up := await self._given_up(order_no, tries):
                    return given_up
                continue
            except RPCError as error:
                if error.status not in _FINAL:
                    raise
                return f"temporal_{error.status.name.lower()}"
            return None
        raise AssertionError("counts without end")

    async def _given_up(self, order_no: str, tries: int) -> str | None:
        """Why the order is asked no more, as a code. Raises RPCError, TimeoutError where Temporal itself is slow."""
        async with asyncio.timeout(PATIENCE * self._answer_s):
            found = await running_activities.under_way(self._client, names.order_workflow(order_no))
        if found.failing is not None:
            return "workflow_failing" if tries >= FAILING_TRIES else None
        return "workflow_unavailable" if tries >= SLOW_TRIES else None

    async def _accepted(
        self, update: str, request: object, order_no: str, update_id: str
    ) -> WorkflowUpdateHandle[m.UpdateAnswer]:
        """Returns once the order has taken the action. Temporal itself would wait for that for ever."""
        workflow_id = names.order_workflow(order_no)
        start = temporal_client.start_or_use(names.ORDER, m.StartOrder(order_no), workflow_id, self._task_queue)
        handle: WorkflowUpdateHandle[m.UpdateAnswer] = await self._client.start_update_with_start_workflow(
            update,
            request,
            id=update_id,
            wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            start_workflow_operation=start,
            result_type=m.UpdateAnswer,
            rpc_timeout=timedelta(seconds=PATIENCE * self._answer_s),
        )
        return handle

    async def _answered(self, handle: WorkflowUpdateHandle[m.UpdateAnswer]) -> None:
        """Wait a little for the answer; without one it is accepted all the same, and no more than that was asked."""
        with suppress(TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
            async with asyncio.timeout(self._answer_s):
                await handle.result()

    async def _concluded(self, job_id: str, counts: _Counts) -> m.JobSlice:
        async with self._database.begin() as connection:
            left = await bulk_jobs.finish(connection, job_id)
            running = await bulk_jobs.is_running(connection, job_id)
        return m.JobSlice(counts.done, counts.failed, left if running else 0)


def _one_of(instruction: _Instruction, item: BulkJobItem) -> bulk_actions.Instruction:
    job = instruction.job
    requested = bulk_actions.action_request_of(job.action, job.actor, instruction.value)
    return bulk_actions.Instruction(
        job.job_id, item.resolution_id, item.order_no, job.actor, requested, instruction.reason
    )


async def _until(due_s: float, given: int) -> None:
    """Wait for the moment of the next item, showing meanwhile that this activity lives."""
    activity.heartbeat(given)
    while (left_s := due_s - monotonic()) > 0:
        await asyncio.sleep(min(left_s, BEAT_S))
        activity.heartbeat(given)


async def _alive(work: Awaitable[Out]) -> Out:
    """What it gives, showing meanwhile that this activity lives."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=BEAT_S))[0]:
            activity.heartbeat()
        return task.result()
    finally:
        task.cancel()


async def _raise_first(running: set[asyncio.Task[None]]) -> None:
    """Remove what has ended well; a failure ends the slice, which is then repeated."""
    for task in [task for task in running if task.done()]:
        running.discard(task)
        task.result()
