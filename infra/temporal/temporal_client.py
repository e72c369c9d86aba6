"""How every process reaches Temporal, and the names under which orders are found there."""

import functools
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.client import Client, Interceptor, Plugin, WithStartWorkflowOperation
from temporalio.common import SearchAttributeKey, WorkflowIDConflictPolicy
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter

from infra.settings import Settings, settings

OMS_STATUS = SearchAttributeKey.for_keyword("OmsStatus")
OMS_CHANNEL = SearchAttributeKey.for_keyword("OmsChannel")
OMS_STUCK_STEP = SearchAttributeKey.for_keyword("OmsStuckStep")
OMS_STUCK_ERROR = SearchAttributeKey.for_keyword("OmsStuckError")
OMS_HOLD = SearchAttributeKey.for_keyword("OmsHold")
OMS_WAITING_FOR = SearchAttributeKey.for_keyword("OmsWaitingFor")
OMS_CUSTOMER = SearchAttributeKey.for_keyword("OmsCustomer")

SEARCH_ATTRIBUTES: tuple[SearchAttributeKey[str], ...] = (
    OMS_STATUS,
    OMS_CHANNEL,
    OMS_STUCK_STEP,
    OMS_STUCK_ERROR,
    OMS_HOLD,
    OMS_WAITING_FOR,
    OMS_CUSTOMER,
)

SOURCES = Path(__file__).resolve().parents[2]
# What a workflow depends on: its own code and the rules that it calls.
VERSIONED_PACKAGES = ("workflows", "domain")


@functools.cache
def quiet_runtime() -> Runtime:
    """One for the process. The library's own lines are not JSON; what goes wrong reaches us as exceptions."""
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    return Runtime(telemetry=TelemetryConfig(logging=quiet))


async def connect(
    configuration: Settings,
    interceptors: Sequence[Interceptor] = (),
    plugins: Sequence[Plugin] = (),
) -> Client:
    """A client for the configured address and namespace, with TLS and an API key when these are set.

    Raises RuntimeError when the server cannot be reached.
    """
    api_key = configuration.temporal_api_key.get_secret_value()
    return await Client.connect(
        configuration.temporal_address,
        namespace=configuration.temporal_namespace,
        tls=configuration.temporal_tls,
        api_key=api_key or None,
        runtime=quiet_runtime(),
        interceptors=list(interceptors),
        plugins=list(plugins),
    )


def start_or_use(workflow: str, arg: Any, workflow_id: str, task_queue: str) -> WithStartWorkflowOperation[Any, Any]:
    """For an update: starts the workflow where it does not run.

    An update that fails raises its error, and the operation keeps it too, for callers of the workflow's
    handle. There are none here, so the error is marked as retrieved; otherwise asyncio logs it a second time.
    """
    operation: WithStartWorkflowOperation[Any, Any] = WithStartWorkflowOperation(
        workflow,
        arg,
        id=workflow_id,
        task_queue=task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )
    operation._workflow_handle.add_done_callback(lambda future: future.cancelled() or future.exception())
    return operation


def build_id() -> str:
    """The version of the workflows' code: OMS_BUILD_ID, else 12 hexadecimal digits that change with their source."""
    return settings().build_id or source_hash(SOURCES)


def source_hash(root: Path) -> str:
    """A hash over the path and content of every Python file in the versioned packages below root."""
    digest = hashlib.sha256()
    for package in VERSIONED_PACKAGES:
        for file in sorted((root / package).rglob("*.py")):
            digest.update(f"{file.relative_to(root).as_posix()}\0".encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:12]
