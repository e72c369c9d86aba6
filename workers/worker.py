"""The Temporal worker: orders' workflows, their activities, and the dispatcher that feeds them eagerly."""

import asyncio
import logging
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorAutoscaling,
    Worker,
    WorkerDeploymentConfig,
    WorkflowRunner,
)
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities import bootstrap
from activities.retry_limits import PatienceInterceptor
from activities.workflow_starts import ClientProvider
from infra.db.engine import Database
from infra.observability import metrics, telemetry
from infra.settings import Settings
from infra.system.heartbeat import Condition, beating
from infra.system.watchdog import PULSE
from infra.temporal import temporal_client
from workers import process
from workers.dispatcher import Dispatcher
from workers.master_key_gate import MasterKeyGate
from workers.readiness import Readiness
from workers.workflow_runner import CacheTrimmingRunner
from workflows.after_sales.returns import ReturnWorkflow
from workflows.orders.order import OrderWorkflow
from workflows.stock.transfer import TransferWorkflow
from workflows.support.bulk_resolve import BulkResolveWorkflow

CONCURRENCY = 100
POLLERS = PollerBehaviorAutoscaling(minimum=2, maximum=20, initial=5)
GRACE_S = 10
CONNECT_RETRY_S = 0.25
_log = logging.getLogger(__name__)


def run() -> None:
    """Work until SIGTERM or SIGINT, then finish what is under way; ends the process with 0, or 1 on a fatal error."""
    process.run("worker", serve)


async def serve(settings: Settings, stopping: asyncio.Event) -> None:
    """One life of the process. Raises what the worker cannot go on after."""
    readiness = Readiness(settings)
    metrics.serve(settings.worker_metrics_port, PULSE.healthy, settings.metrics_host, ready=readiness.answer)
    telemetry.instrument_httpx()
    _quiet_details()
    database = Database.from_settings(settings)
    try:
        async with beating(database, "worker", settings, readiness.condition):
            client = await _connected(settings, stopping)
            if client is not None and await readiness.until_prepared(client, stopping):
                await _work(client, database, settings, stopping, readiness)
    finally:
        await database.close()


async def _work(
    client: Client, database: Database, settings: Settings, stopping: asyncio.Event, readiness: Readiness
) -> None:
    """Until asked to stop. A worker whose version gets no tasks takes none eagerly either: orders would begin on code
    that others cannot go on with."""
    dispatcher = Dispatcher(database, _always(client), settings, eager=lambda: readiness.ready)
    worker = build(client, database, settings, readiness.condition)
    running = asyncio.create_task(worker.run())
    dispatching = asyncio.create_task(dispatcher.run())
    watching = asyncio.create_task(readiness.watch(client))
    try:
        await process.unless(stopping, _first_to_end(running, dispatching, watching))
    finally:
        watching.cancel()
        await dispatcher.stop()
        await asyncio.gather(dispatching, worker.shutdown(), return_exceptions=True)


def build(client: Client, database: Database, settings: Settings, condition: Condition) -> Worker:
    """The worker as it runs in production; `max_cached_workflows` bounds its memory."""
    unsandboxed = CacheTrimmingRunner(settings.max_cached_workflows)
    runner: WorkflowRunner = SandboxedWorkflowRunner() if settings.sandboxed_workflows else unsandboxed
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[OrderWorkflow, ReturnWorkflow, BulkResolveWorkflow, TransferWorkflow],
        activities=bootstrap.build(database, settings, client),
        interceptors=[MasterKeyGate(condition), PatienceInterceptor(settings)],
        workflow_runner=runner,
        max_cached_workflows=settings.max_cached_workflows,
        max_concurrent_workflow_tasks=CONCURRENCY,
        max_concurrent_activities=CONCURRENCY,
        max_concurrent_local_activities=CONCURRENCY,
        workflow_task_poller_behavior=POLLERS,
        activity_task_poller_behavior=POLLERS,
        graceful_shutdown_timeout=timedelta(seconds=GRACE_S),
        deployment_config=WorkerDeploymentConfig(
            version=WorkerDeploymentVersion(settings.deployment_name, settings.build_id or temporal_client.build_id()),
            use_worker_versioning=True,
            default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
        ),
    )


async def _connected(settings: Settings, stopping: asyncio.Event) -> Client | None:
    """A client as soon as Temporal can be reached; None when asked to stop before."""
    logged = False
    while not stopping.is_set():
        try:
            return await temporal_client.connect(settings, interceptors=telemetry.temporal_interceptors())
        except RuntimeError:
            if not logged:
                _log.warning("Temporal cannot be reached; trying until it can", extra={"at": settings.temporal_address})
            logged = True
        await process.unless(stopping, asyncio.sleep(CONNECT_RETRY_S))
    return None


def _quiet_details() -> None:
    """Temporal's own lines say once, as fields, what they would append to each message as well."""
    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False


async def _first_to_end(*tasks: "asyncio.Task[None]") -> None:
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    raise RuntimeError("the worker ended without having been asked to")


def _always(client: Client) -> ClientProvider:
    async def provide() -> Client:
        return client

    return provide
