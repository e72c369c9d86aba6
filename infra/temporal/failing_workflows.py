"""Workflows whose own code fails: how many, which, with what error and in which deployment version."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.client import WorkflowExecution as Listed
from temporalio.common import SearchAttributeKey

from infra.temporal import running_activities

FAILING = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
PROBLEMS = SearchAttributeKey.for_keyword_list("TemporalReportedProblems")
PAUSED = SearchAttributeKey.for_keyword_list("TemporalPauseInfo")
_ENDINGS: dict[WorkflowExecutionStatus | None, str] = {
    WorkflowExecutionStatus.FAILED: "failed",
    WorkflowExecutionStatus.TIMED_OUT: "timed_out",
}
_PAUSED_TYPE = "property:activityType="
_CAUSE = ("cause=", "WorkflowTaskFailedCause", "WorkflowTaskTimedOutCause")
# What an error says is asked once for each run and kept a while: a page that lives asks every few seconds.
_CACHE_S = 20.0
_CACHE_SIZE = 500
_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class EndedWorkflow:
    """A workflow whose last run failed or timed out; `ending` is one of the two."""

    workflow_id: str
    ending: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class FailingWorkflow:
    """A workflow whose code fails: a bug. `cause` is Temporal's word for it, `error` a type with its message."""

    workflow_id: str
    cause: str
    error: str
    build_id: str
    started_at: datetime

    @property
    def error_type(self) -> str:
        """The error without its message, which may differ from workflow to workflow."""
        return self.error.partition(":")[0]


async def count(client: Client) -> int:
    """How many workflows fail by a bug. Raises RPCError when Temporal does not answer."""
    return (await client.count_workflows(FAILING)).count


async def versions(client: Client, limit: int, described: int, patience_s: float) -> dict[str, str]:
    """The ids of at most `limit` workflows that a bug holds up, each with its deployment version.

    The version is empty but for the `described` newest, and for what is not answered in `patience_s`. Raises RPCError
    when Temporal does not answer.
    """
    found = [workflow async for workflow in client.list_workflows(FAILING, limit=limit)]
    asked = await _asked(client, found[:described], patience_s)
    known = {workflow.id: _answer(task)[1] for workflow, task in zip(found, asked, strict=False)}
    return {workflow.id: known.get(workflow.id, "") for workflow in found}


async def failing(client: Client, limit: int, patience_s: float) -> tuple[int, list[FailingWorkflow]]:
    """How many workflows fail by a bug, and the `limit` that began last. Raises RPCError when Temporal does not answer.

    Temporal reports a problem after some failures in a row, and takes it back at the first success. Errors and
    versions are asked one by one for `patience_s`; what is not answered by then is empty, and known to the next call.
    """
    counted = await count(client)
    found = [workflow async for workflow in client.list_workflows(FAILING, limit=limit)]
    tasks = await _asked(client, found, patience_s)
    return counted, [_described(workflow, task) for workflow, task in zip(found, tasks, strict=True)]


async def _asked(client: Client, found: list[Listed], patience_s: float) -> "list[asyncio.Task[tuple[str, str]]]":
    """Error and version of each, asked for `patience_s`; a task that is not done by then is cancelled."""
    gate = asyncio.Semaphore(_AT_ONCE)
    tasks = [asyncio.create_task(_remembered(client, gate, workflow)) for workflow in found]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=patience_s)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return tasks


async def dead(client: Client, prefix: str, limit: int) -> list[EndedWorkflow]:
    """Of the `limit` runs that failed or timed out last, those of workflows `prefix`… that no later run has followed.

    Raises RPCError when Temporal does not answer.
    """
    ended = "(ExecutionStatus = 'Failed' OR ExecutionStatus = 'TimedOut')"
    bad = [run.id async for run in client.list_workflows(f"WorkflowId STARTS_WITH '{prefix}' AND {ended}", limit=limit)]
    ids = ", ".join(sorted({f"'{workflow_id}'" for workflow_id in bad}))
    newest: dict[str, Listed] = {}
    if ids:
        async for run in client.list_workflows(f"WorkflowId IN ({ids})"):
            known = newest.setdefault(run.id, run)
            newest[run.id] = max(known, run, key=lambda one: one.start_time)
    return [
        EndedWorkflow(run.id, _ENDINGS[run.status], run.close_time) for run in newest.values() if run.status in _ENDINGS
    ]


async def paused(client: Client, limit: int) -> set[tuple[str, str]]:
    """(workflow id, activity type) of what is paused, also by Temporal UI or its command line.

    Raises RPCError when Temporal does not answer.
    """
    query = "TemporalPauseInfo IS NOT NULL AND ExecutionStatus = 'Running'"
    found = client.list_workflows(query, limit=limit)
    return {
        (workflow.id, entry.removeprefix(_PAUSED_TYPE))
        async for workflow in found
        for entry in workflow.typed_search_attributes.get(PAUSED) or ()
        if entry.startswith(_PAUSED_TYPE)
    }


def _described(workflow: Listed, task: "asyncio.Task[tuple[str, str]]") -> FailingWorkflow:
    problems = workflow.typed_search_attributes.get(PROBLEMS) or ()
    cause = next((problem for problem in problems if problem.startswith(_CAUSE[0])), "")
    for prefix in _CAUSE:
        cause = cause.removeprefix(prefix)
    error, build_id = _answer(task)
    return FailingWorkflow(workflow.id, cause, error, build_id, workflow.start_time)


def _answer(task: "asyncio.Task[tuple[str, str]]") -> tuple[str, str]:
    known = not task.cancelled() and task.exception() is None
    return task.result() if known else ("", "")


_known: OrderedDict[str, tuple[float, tuple[str, str]]] = OrderedDict()


async def _remembered(client: Client, gate: asyncio.Semaphore, workflow: Listed) -> tuple[str, str]:
    """Error and version, both empty for a workflow that has ended or gone on meanwhile."""
    cached = _known.get(workflow.run_id)
    if cached is not None and cached[0] > time.monotonic() - _CACHE_S:
        return cached[1]
    async with gate:
        found = (await running_activities.under_way(client, workflow.id)).failing
    answer = (found.error, found.build_id) if found else ("", "")
    _known[workflow.run_id] = (time.monotonic(), answer)
    while len(_known) > _CACHE_SIZE:
        _known.popitem(last=False)
    return answer
