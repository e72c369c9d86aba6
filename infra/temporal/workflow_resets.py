"""Resetting workflows: one run, or all that fail as a batch of Temporal's own. The SDK wraps neither."""

from dataclasses import dataclass
from enum import StrEnum

from google.protobuf.empty_pb2 import Empty
from temporalio.api.batch.v1 import BatchOperationReset
from temporalio.api.common.v1 import ResetOptions, WorkflowExecution
from temporalio.api.enums.v1 import BatchOperationState, EventType
from temporalio.api.workflowservice.v1 import (
    DescribeBatchOperationRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryReverseRequest,
    ResetWorkflowExecutionRequest,
    StartBatchOperationRequest,
    StopBatchOperationRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.temporal.failing_workflows import FAILING

# Servers that keep to a request's rate take this one; others have a bound of their own (worker.BatcherRPS).
RATE_PER_S = 20


class BatchState(StrEnum):
    """`failed` is also what Temporal calls a batch that was stopped; `unknown`: it never received it, or deleted it."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    UNKNOWN = "unknown"


_STATES = {
    BatchOperationState.BATCH_OPERATION_STATE_RUNNING: BatchState.RUNNING,
    BatchOperationState.BATCH_OPERATION_STATE_COMPLETED: BatchState.COMPLETED,
    BatchOperationState.BATCH_OPERATION_STATE_FAILED: BatchState.FAILED,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """How far a batch is. Temporal counts by pages: `total` is 0 before its first, `done` jumps."""

    state: BatchState
    total: int = 0
    done: int = 0
    failed: int = 0


class AnotherBatch(Exception):
    """Temporal takes no more batches now: one is running."""


async def reset(client: Client, workflow_id: str, run_id: str, act_id: str) -> bool:
    """Begin the run again before its last good workflow task; False when another run is there already.

    Signals and updates that came since are delivered again. The server does not recognise a repeated request, so
    callers take turns. Raises RPCError, NOT_FOUND for a workflow it does not know.
    """
    run = WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
    description = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    found = await client.workflow_service.describe_workflow_execution(description)
    if found.workflow_execution_info.execution.run_id != run_id:
        return False
    request = ResetWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=run,
        reason=act_id,
        request_id=act_id,
        workflow_task_finish_event_id=await _last_good_task(client, run),
        identity=client.identity,
    )
    await client.workflow_service.reset_workflow_execution(request)
    return True


async def _last_good_task(client: Client, run: WorkflowExecution) -> int:
    """The event that the new run's history ends before: the last completed task, else the first one's start."""
    first, token = 0, b""
    while True:
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=client.namespace, execution=run, maximum_page_size=100, next_page_token=token
        )
        answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
        for event in answer.history.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
                return event.event_id
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
                first = event.event_id + 1
        token = answer.next_page_token
        if not token:
            return first


async def reset_all(client: Client, batch_id: str) -> None:
    """Begin a batch over all workflows that fail; one that Temporal knows already is left alone.

    Raises AnotherBatch, RPCError.
    """
    if (await progress(client, batch_id)).state is not BatchState.UNKNOWN:
        return
    options = ResetOptions(last_workflow_task=Empty())
    request = StartBatchOperationRequest(
        namespace=client.namespace,
        visibility_query=FAILING,
        job_id=batch_id,
        reason=batch_id,
        max_operations_per_second=RATE_PER_S,
        reset_operation=BatchOperationReset(identity=client.identity, options=options),
    )
    try:
        await client.workflow_service.start_batch_operation(request)
    except RPCError as error:
        if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
            raise AnotherBatch from None
        if error.status is not RPCStatusCode.ALREADY_EXISTS:
            raise


async def progress(client: Client, batch_id: str) -> Batch:
    """How far the batch is. Raises RPCError when Temporal does not answer."""
    request = DescribeBatchOperationRequest(namespace=client.namespace, job_id=batch_id)
    try:
        found = await client.workflow_service.describe_batch_operation(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return Batch(BatchState.UNKNOWN)
        raise
    counts = (found.total_operation_count, found.complete_operation_count, found.failure_operation_count)
    return Batch(_STATES.get(found.state, BatchState.RUNNING), *counts)


async def stop(client: Client, batch_id: str) -> None:
    """End the batch before its next workflow; one that has ended stays as it is. Raises RPCError."""
    if (await progress(client, batch_id)).state is not BatchState.RUNNING:
        return
    request = StopBatchOperationRequest(
        namespace=client.namespace, job_id=batch_id, reason=batch_id, identity=client.identity
    )
    try:
        await client.workflow_service.stop_batch_operation(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it ended in between
            raise
