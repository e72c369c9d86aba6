"""Versions of the worker deployment: which one orders go to, and whose workers poll."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    DescribeWorkerDeploymentRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

# A poll waits a minute at the server, which still lists a poller for a while after it has gone.
POLLS_WITHIN = timedelta(seconds=75)
_KINDS = (TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW, TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY)


@dataclass(frozen=True)
class Routing:
    """Build ids: `current` takes the tasks, `ramping` a share of them, `known` have polled at some time."""

    current: str | None = None
    ramping: str | None = None
    known: frozenset[str] = frozenset()
    conflict_token: bytes = b""

    def reaches(self, build_id: str) -> bool:
        """Whether tasks of orders are handed to workers of this version."""
        return build_id in (self.current, self.ramping)


async def routing(client: Client, deployment: str) -> Routing:
    """Nothing is routed in a deployment that no worker has polled for. Raises RPCError NOT_FOUND for the namespace."""
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        # The server takes one such question at a time and refuses the rest (RESOURCE_EXHAUSTED): it is asked again.
        answer = await client.workflow_service.describe_worker_deployment(request, retry=True)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND and not error.message.startswith("Namespace "):
            return Routing()
        raise
    info = answer.worker_deployment_info
    return Routing(
        info.routing_config.current_deployment_version.build_id or None,
        info.routing_config.ramping_deployment_version.build_id or None,
        frozenset(version.deployment_version.build_id for version in info.version_summaries),
        answer.conflict_token,
    )


async def current_version(client: Client, deployment: str) -> str | None:
    """The build id that new and upgraded workflows go to; None when none is set or the deployment is not known."""
    return (await routing(client, deployment)).current


async def set_current(client: Client, deployment: str, build_id: str, conflict_token: bytes, by: str) -> None:
    """Routes all tasks to this version. Raises RPCError FAILED_PRECONDITION when another was quicker, or when the
    version does not poll every queue of the one before."""
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=deployment,
        build_id=build_id,
        conflict_token=conflict_token,
        identity=by,
        ignore_missing_task_queues=True,
    )
    await client.workflow_service.set_worker_deployment_current_version(request)


async def pollers(client: Client, task_queue: str, deployment: str) -> Counter[str]:
    """How many workers of each build id poll the queue for workflows; those that only just stopped count too."""
    answer = await _described(client, task_queue, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW)
    since = datetime.now(UTC) - POLLS_WITHIN
    return Counter(
        poller.deployment_options.build_id
        for poller in answer.pollers
        if poller.deployment_options.deployment_name == deployment
        and poller.last_access_time.ToDatetime(tzinfo=UTC) >= since
    )


async def queue_versions(client: Client, task_queue: str) -> set[WorkerDeploymentVersion]:
    """The versions that the queue sends tasks of workflows and of activities to.

    A queue follows its deployment a little later. Temporal also reports this as the state of the deployment's routing
    configuration, which can stay at IN_PROGRESS for ever (temporalio/temporal#11842).
    """
    answers = [await _described(client, task_queue, kind) for kind in _KINDS]
    routed = [answer.versioning_info.current_deployment_version for answer in answers]
    return {WorkerDeploymentVersion(one.deployment_name, one.build_id) for one in routed if one.build_id}


async def _described(client: Client, task_queue: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=task_queue), task_queue_type=kind
    )
    return await client.workflow_service.describe_task_queue(request)
