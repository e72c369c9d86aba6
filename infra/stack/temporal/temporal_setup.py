"""Sets up the local server as `oms temporal prepare` and `oms worker promote` do, waiting as long as it takes."""

import asyncio
from datetime import timedelta

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from infra.stack.processes.probes import INTERVAL_S
from infra.temporal import namespace_setup, worker_versions

RETENTION = timedelta(days=30)
PASSING = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.NOT_FOUND,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.RESOURCE_EXHAUSTED,
}


async def prepare(address: str, namespace: str) -> Client:
    """Waits until the server serves the namespace, then sees to search attributes and 30 days of retention.

    Ends by cancellation only while the server cannot be reached. Returns the client it used.
    """
    while True:
        try:
            client = await Client.connect(address, namespace=namespace)
            await namespace_setup.ensure_search_attributes(client)
            await namespace_setup.ensure_retention(client, RETENTION)
            return client
        except RPCError as error:
            if error.status not in PASSING:
                raise
        except RuntimeError:  # what Client.connect raises when nothing listens yet
            pass
        await asyncio.sleep(INTERVAL_S)


async def set_current_version(client: Client, deployment: str, build_id: str) -> None:
    """Waits until a worker of this version has polled, then makes it current: before that nothing is dispatched to it.

    Ends by cancellation only while no such worker polls.
    """
    while True:
        try:
            there = await worker_versions.routing(client, deployment)
            if there.current == build_id:
                return
            if build_id in there.known:
                await worker_versions.set_current(client, deployment, build_id, there.conflict_token, "oms-stack")
                return
        except RPCError as error:
            # failed precondition: the version has not polled every queue yet, or another supervisor came first
            if error.status not in PASSING | {RPCStatusCode.FAILED_PRECONDITION}:
                raise
        await asyncio.sleep(INTERVAL_S)
