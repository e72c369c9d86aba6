"""`oms worker promote`: makes a version the one that orders go to, once its workers poll."""

import asyncio
import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode

from infra.settings import Settings
from infra.temporal import temporal_client, worker_versions
from infra.temporal.namespace_setup import NOT_PERMITTED

CONNECT_S, AGAIN_S = 10.0, 0.5


@dataclass(frozen=True)
class Promotion:
    """`previous` was current before; the same build id: nothing was to do. `pollers` poll for it now."""

    deployment: str
    build_id: str
    previous: str | None
    pollers: int


class NotPromoted(Exception):
    """Orders do not go to this version yet; the message says what is wrong and what to do."""


def run(settings: Settings, build_id: str | None, timeout_s: float, *, as_json: bool) -> int:
    """Promotes and says so; 1 when it could not."""
    wanted = build_id or settings.build_id or temporal_client.build_id()
    try:
        done = asyncio.run(promote(settings, wanted, timeout_s))
    except NotPromoted as error:
        facts = {"deployment": settings.deployment_name, "build_id": wanted, "error": str(error)}
        print(json.dumps(facts) if as_json else str(error), file=sys.stdout if as_json else sys.stderr)
        return 1
    print(json.dumps(asdict(done)) if as_json else _words(done))
    return 0


async def promote(settings: Settings, build_id: str, timeout_s: float) -> Promotion:
    """Waits until a worker of this version polls, routes all orders to it, and waits until the queue follows.

    Raises NotPromoted.
    """
    client = await _connected(settings)
    deadline = asyncio.get_running_loop().time() + timeout_s
    done, refusal = None, "Temporal does not know this version yet; try again"
    while True:
        try:
            if (done := done or await _tried(client, settings, build_id)) is not None:
                if not (elsewhere := await _elsewhere(client, settings, build_id)):
                    return done
                refusal = _lags(settings, build_id, timeout_s, elsewhere)
        except RPCError as error:
            refusal = _refusal(error, settings)
        if asyncio.get_running_loop().time() >= deadline:
            raise NotPromoted((done is None and await _why_not(client, settings, build_id, timeout_s)) or refusal)
        await asyncio.sleep(AGAIN_S)


async def _tried(client: Client, settings: Settings, build_id: str) -> Promotion | None:
    """None while no worker of this version polls."""
    name = settings.deployment_name
    polling = await worker_versions.pollers(client, settings.task_queue, name)
    there = await worker_versions.routing(client, name)
    if not polling[build_id] or build_id not in there.known:
        return None
    if there.current != build_id:
        await worker_versions.set_current(client, name, build_id, there.conflict_token, "oms worker promote")
    return Promotion(name, build_id, there.current, polling[build_id])


async def _elsewhere(client: Client, settings: Settings, build_id: str) -> list[str]:
    """The other versions that the queue still sends tasks to: it hears of the current one a little later."""
    found = await worker_versions.queue_versions(client, settings.task_queue)
    others = found - {WorkerDeploymentVersion(settings.deployment_name, build_id)}
    return [] if found and not others else sorted(map(_name, others)) or ["none"]


def _refusal(error: RPCError, settings: Settings) -> str:
    """Raises NotPromoted at once for what waiting does not change."""
    if error.status in NOT_PERMITTED:
        raise NotPromoted(
            f"this server does not let you set the current version of deployment {settings.deployment_name}: "
            "ask its operator for write access to the namespace"
        )
    if error.status == RPCStatusCode.NOT_FOUND and error.message.startswith("Namespace "):
        raise NotPromoted(f"Temporal has no namespace {settings.temporal_namespace!r}; run: oms temporal prepare")
    return f"Temporal refuses: {error.message}"


async def _why_not(client: Client, settings: Settings, build_id: str, timeout_s: float) -> str:
    """Empty when that is not the reason, or the server does not say."""
    try:
        polling = await worker_versions.pollers(client, settings.task_queue, settings.deployment_name)
    except RPCError:
        return ""
    if polling[build_id]:
        return ""
    return (
        f"no worker of deployment {settings.deployment_name}, build id {build_id}, polls task queue "
        f"{settings.task_queue} after {timeout_s:g} s; {_others(polling)}. Nothing was changed: start a worker of this "
        "version first, or name one that polls with --build-id"
    )


def _lags(settings: Settings, build_id: str, timeout_s: float, elsewhere: list[str]) -> str:
    return (
        f"deployment {settings.deployment_name}: {build_id} is current now, but task queue {settings.task_queue} still "
        f"sends tasks elsewhere after {timeout_s:g} s ({'; '.join(elsewhere)}). Keep the old workers, and run the "
        "command again"
    )


def _name(version: WorkerDeploymentVersion) -> str:
    return f"deployment {version.deployment_name}, build id {version.build_id}"


def _others(polling: Counter[str]) -> str:
    return f"polling are: {', '.join(sorted(polling))}" if polling else "no worker of this deployment polls"


async def _connected(settings: Settings) -> Client:
    try:
        async with asyncio.timeout(CONNECT_S):
            return await temporal_client.connect(settings)
    except (RuntimeError, TimeoutError):
        raise NotPromoted(f"Temporal at {settings.temporal_address} cannot be reached (OMS_TEMPORAL_ADDRESS)") from None


def _words(done: Promotion) -> str:
    if done.previous == done.build_id:
        return f"deployment {done.deployment}: {done.build_id} is current already; its workers poll"
    before = done.previous or "none"
    return f"deployment {done.deployment}: {done.build_id} is current now, before {before}; its workers poll"
