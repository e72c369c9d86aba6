"""What a Temporal namespace needs before orders can run in it: retention and search attributes; safe to repeat."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, RegisterNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.temporal.temporal_client import SEARCH_ATTRIBUTES

KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
# What a server answers that keeps the operator's calls for its own people, or does not have them.
NOT_PERMITTED = {RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED}


@dataclass(frozen=True)
class AttributeState:
    """Search attributes which the namespace does not know, and those of another type than Keyword."""

    missing: tuple[str, ...]
    wrong: Mapping[str, str]


def attribute_names() -> tuple[str, ...]:
    """The search attributes, all keywords."""
    return tuple(key.name for key in SEARCH_ATTRIBUTES)


async def attribute_state(client: Client) -> AttributeState:
    """Raises RPCError NOT_FOUND without the namespace, and one of NOT_PERMITTED."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    there = {name: answer.custom_attributes[name] for name in attribute_names() if name in answer.custom_attributes}
    missing = tuple(name for name in attribute_names() if name not in there)
    return AttributeState(missing, {name: _type(kind) for name, kind in there.items() if kind != KEYWORD})


async def missing_search_attributes(client: Client) -> list[str]:
    """The names which the namespace does not know; writing one of them would wedge a workflow's task."""
    return list((await attribute_state(client)).missing)


def named_in(error: BaseException) -> list[str]:
    """Our search attributes that the server's message names: it refuses a start whose attribute it does not know."""
    return [name for name in attribute_names() if name in str(error)] if isinstance(error, RPCError) else []


async def ensure_search_attributes(client: Client) -> list[str]:
    """Registers what is missing; the names. The server takes an attribute of another type as it is: look first."""
    missing = await missing_search_attributes(client)
    if missing:
        request = AddSearchAttributesRequest(
            namespace=client.namespace, search_attributes=dict.fromkeys(missing, KEYWORD)
        )
        await client.operator_service.add_search_attributes(request)
    return missing


async def retention(client: Client) -> timedelta:
    """How long the namespace keeps closed workflows."""
    answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def set_retention(client: Client, period: timedelta) -> None:
    config = NamespaceConfig(workflow_execution_retention_ttl=_duration(period))
    await client.workflow_service.update_namespace(UpdateNamespaceRequest(namespace=client.namespace, config=config))


async def ensure_retention(client: Client, least: timedelta) -> None:
    """Lengthens it to `least`; never shortens it."""
    if await retention(client) < least:
        await set_retention(client, least)


async def create(client: Client, period: timedelta) -> None:
    """Registers the client's namespace; others may see it a moment later."""
    request = RegisterNamespaceRequest(
        namespace=client.namespace,
        workflow_execution_retention_period=_duration(period),
        description="Durable order management",
    )
    await client.workflow_service.register_namespace(request)


def _duration(period: timedelta) -> Duration:
    return Duration(seconds=int(period.total_seconds()))


def _type(kind: IndexedValueType.ValueType) -> str:
    return IndexedValueType.Name(kind).removeprefix("INDEXED_VALUE_TYPE_").replace("_", " ").title().replace(" ", "")
