"""What a Temporal namespace needs before orders can run in it; safe to repeat, and repeated after every start."""

import asyncio
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentResponse,
    SetWorkerDeploymentCurrentVersionRequest,
    UpdateNamespaceRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.stack.probes import INTERVAL_S
from infra.temporal import SEARCH_ATTRIBUTES

RETENTION = timedelta(days=30)
PASSING = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
}


def attribute_names() -> tuple[str, ...]:
    """The search attributes, all keywords."""
    return tuple(key.name for key in SEARCH_ATTRIBUTES)


async def prepare(address: str, namespace: str) -> Client:
    """Waits until the server serves the namespace, then sees to search attributes and 30 days of retention.

    Ends by cancellation only while the server cannot be reached. Returns the client it used.
    """
    while True:
        try:
            client = await Client.connect(address, namespace=namespace)
            await ensure_search_attributes(client)
            await ensure_retention(client)
            return client
        except RPCError as error:
            if error.status not in PASSING:
                raise
        except RuntimeError:  # what Client.connect raises when nothing listens yet
            pass
        await asyncio.sleep(INTERVAL_S)


async def missing_search_attributes(client: Client) -> list[str]:
    """The names which the namespace does not know; writing one of them would wedge a workflow's task."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return [name for name in attribute_names() if name not in answer.custom_attributes]


async def ensure_search_attributes(client: Client) -> None:
    missing = await missing_search_attributes(client)
    if not missing:
        return
    keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
    request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=dict.fromkeys(missing, keyword))
    await client.operator_service.add_search_attributes(request)


async def retention(client: Client) -> timedelta:
    """How long the namespace keeps closed workflows."""
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def ensure_retention(client: Client) -> None:
    if await retention(client) >= RETENTION:
        return
    config = NamespaceConfig(workflow_execution_retention_ttl=Duration(seconds=int(RETENTION.total_seconds())))
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))


async def current_version(client: Client, deployment: str) -> str | None:
    """The build id that new and upgraded workflows go to; None when none is set or the deployment is not known."""
    try:
        answer = await _describe(client, deployment)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise
    return answer.worker_deployment_info.routing_config.current_deployment_version.build_id or None


async def set_current_version(client: Client, deployment: str, build_id: str) -> None:
    """Waits until a worker of this version has polled, then makes it current: before that nothing is dispatched to it.

    Ends by cancellation only while no such worker polls.
    """
    while True:
        try:
            answer = await _describe(client, deployment)
            if answer.worker_deployment_info.routing_config.current_deployment_version.build_id == build_id:
                return
            versions = answer.worker_deployment_info.version_summaries
            if any(version.deployment_version.build_id == build_id for version in versions):
                await _set_current(client, deployment, build_id, answer.conflict_token)
                return
        except RPCError as error:
            # failed precondition: the version has not polled every queue yet, or another supervisor was quicker
            if error.status not in PASSING | {RPCStatusCode.FAILED_PRECONDITION}:
                raise
        await asyncio.sleep(INTERVAL_S)


async def _describe(client: Client, deployment: str) -> DescribeWorkerDeploymentResponse:
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    return await client.workflow_service.describe_worker_deployment(request)


async def _set_current(client: Client, deployment: str, build_id: str, conflict_token: bytes) -> None:
    request = SetWorkerDeploymentCurrentVersionRequest(
        namespace=client.namespace,
        deployment_name=deployment,
        build_id=build_id,
        conflict_token=conflict_token,
        identity="oms-stack",
        ignore_missing_task_queues=True,
    )
    await client.workflow_service.set_worker_deployment_current_version(request)
