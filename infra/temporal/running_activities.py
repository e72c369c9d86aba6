"""What an order's workflow is doing at this moment, and the operations on one activity: the SDK wraps neither."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, PendingActivityState, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
    PauseActivityRequest,
    ResetActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

_LOOKED_BACK = 20
_STATUS = "WORKFLOW_EXECUTION_STATUS_"


class ActivityAction(StrEnum):
    """What staff may do to a running activity; `set_timeout` takes seconds, for each attempt from the next one on."""

    RETRY_NOW = "retry_now"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    SET_TIMEOUT = "set_timeout"


@dataclass(frozen=True, slots=True)
class RunningActivity:
    """An activity that has not ended. `max_attempts` 0: without limit; `error` is a code, empty before the first."""

    activity_id: str
    name: str
    attempt: int
    max_attempts: int
    running: bool
    paused: bool
    error: str
    timeout_s: float
    next_try_at: datetime | None


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """The workflow's own code fails: a bug. `build_id` is the version that runs it, `error` a type with its message."""

    attempt: int
    build_id: str
    error: str


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What a workflow does now; not `open` when it has ended, or Temporal does not know it.

    `ended` says how (completed, failed, terminated, timed_out, …), empty while open and when there is none.
    """

    open: bool
    activities: tuple[RunningActivity, ...] = ()
    failing: TaskFailure | None = None
    run_id: str = ""
    ended: str = ""


async def under_way(client: Client, workflow_id: str) -> UnderWay:
    """The newest run's pending activities and failing task. Raises RPCError when Temporal does not answer."""
    request = DescribeWorkflowExecutionRequest(
        namespace=client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
    )
    try:
        found = await client.workflow_service.describe_workflow_execution(request)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return UnderWay(open=False)
        raise
    status, run_id = found.workflow_execution_info.status, found.workflow_execution_info.execution.run_id
    if status != WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING:
        ended = WorkflowExecutionStatus.Name(status).removeprefix(_STATUS).lower()
        return UnderWay(open=False, run_id=run_id, ended=ended)
    activities = tuple(_activity(pending) for pending in found.pending_activities)
    failing = await _failing(client, found) if found.pending_workflow_task.attempt > 1 else None
    return UnderWay(True, activities, failing, run_id)


async def apply_action(
    client: Client,
    workflow_id: str,
    activity_id: str,
    action: ActivityAction,
    reason: str,
    timeout_s: int | None = None,
) -> None:
    """Do it to the running activity. `reason` reaches Temporal UI, so it holds no personal text.

    Raises RPCError: NOT_FOUND when the activity has ended meanwhile.
    """
    service, run = client.workflow_service, WorkflowExecution(workflow_id=workflow_id)
    where = {"namespace": client.namespace, "execution": run, "identity": client.identity, "id": activity_id}
    match action:
        case ActivityAction.RETRY_NOW:
            await service.reset_activity(ResetActivityRequest(**where, reset_heartbeat=True))  # type: ignore[arg-type]
        case ActivityAction.PAUSE:
            await service.pause_activity(PauseActivityRequest(**where, reason=reason))  # type: ignore[arg-type]
        case ActivityAction.UNPAUSE:
            await service.unpause_activity(UnpauseActivityRequest(**where))  # type: ignore[arg-type]
        case ActivityAction.SET_TIMEOUT:
            options = ActivityOptions(start_to_close_timeout=Duration(seconds=timeout_s or 0))
            mask = FieldMask(paths=["start_to_close_timeout"])
            change = UpdateActivityOptionsRequest(**where, activity_options=options, update_mask=mask)  # type: ignore[arg-type]
            await service.update_activity_options(change)


def _activity(pending: PendingActivityInfo) -> RunningActivity:
    running = pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    return RunningActivity(
        activity_id=pending.activity_id,
        name=pending.activity_type.name,
        attempt=pending.attempt,
        max_attempts=pending.maximum_attempts,
        running=running,
        paused=pending.paused,
        error=_code(pending.last_failure) if pending.HasField("last_failure") else "",
        timeout_s=_seconds(pending.activity_options.start_to_close_timeout),
        next_try_at=None if running or pending.paused else _moment(pending.next_attempt_schedule_time),
    )


def _code(failure: Failure) -> str:
    """Our own failures carry codes as their type; Temporal's have none, so their kind is named."""
    return failure.application_failure_info.type or failure.WhichOneof("failure_info") or "unexpected"


def _seconds(duration: Duration) -> float:
    return timedelta(seconds=duration.seconds, microseconds=duration.nanos // 1000).total_seconds()


def _moment(stamp: Timestamp) -> datetime | None:
    return stamp.ToDatetime(tzinfo=UTC) if stamp.seconds else None


async def _failing(client: Client, found: DescribeWorkflowExecutionResponse) -> TaskFailure | None:
    """What the newest failed workflow task reported; None when it only timed out."""
    info = found.workflow_execution_info
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace, execution=info.execution, maximum_page_size=_LOOKED_BACK
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request)
    for event in answer.history.events:
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
            failure = event.workflow_task_failed_event_attributes.failure
            error = f"{failure.application_failure_info.type}: {failure.message}".removeprefix(": ")
            return TaskFailure(found.pending_workflow_task.attempt, _version(info), error[:300])
    return None


def _version(info: WorkflowExecutionInfo) -> str:
    """The build that is asked now: a workflow counts as the version of its last good task until the next one is."""
    versioning = info.versioning_info
    return versioning.version_transition.deployment_version.build_id or versioning.deployment_version.build_id
