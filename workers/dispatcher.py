"""Sends start and signal requests from the database to Temporal. A request is deleted when Temporal has it."""

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from activities import workflow_starts
from activities.workflow_starts import ClientProvider
from infra.db.autocommit import autocommit
from infra.db.engine import Connection, Database
from infra.db.errors import UNREACHABLE
from infra.db.messaging import workflow_requests
from infra.db.messaging.workflow_requests import WorkflowRequest
from infra.observability.metrics import DISPATCH_LAG
from infra.observability.telemetry import bind_order, continued
from infra.settings import Settings
from infra.system.watchdog import PULSE
from infra.temporal import namespace_setup
from workers.start_throttle import StartThrottle
from workflows.payloads import StartJob

BATCH = 50
IN_FLIGHT = 100
BUSY_S, IDLE_S = 0.01, 0.1
# Shorter than the lease, so that a request never has two senders.
SEND_TIMEOUT_S, PROBE_TIMEOUT_S = 6.0, 2.0
MAX_UNREACHABLE_S, MAX_RETRY_S = 2.0, 10.0
STOP_S = 5.0
_PART = "dispatcher"
KINDS = frozenset({"start_order", "signal_order", "start_job", "signal_return", "signal_transfer"})

_UNREACHABLE = {RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.RESOURCE_EXHAUSTED}
_log = logging.getLogger(__name__)


class TemporalUnreachable(Exception):
    """No client could be had."""


class UnknownRequestKind(Exception):
    """Only a later version knows it."""


class Dispatcher:
    """One per process; several processes may dispatch at once. `min_age_s` leaves fresh requests to others.

    `eager` asks Temporal to hand the first task of an order to the worker of this very client. While nothing is found
    the pauses between two looks grow up to `idle_s`. At most `in_flight` orders that it began have work ahead of them
    (see `StartThrottle`); while there is room, starts and signals come in one claim, otherwise signals of running
    orders come first.
    """

    def __init__(
        self,
        database: Database,
        client_provider: ClientProvider,
        settings: Settings,
        eager: bool | Callable[[], bool],
        *,
        min_age_s: float = 0.0,
        idle_s: float = IDLE_S,
        in_flight: int | None = None,
    ) -> None:
        self._database = database
        self._client = client_provider
        self._task_queue = settings.task_queue
        self._eager = eager if callable(eager) else lambda: eager
        self._min_age_s = min_age_s
        self._brake = StartThrottle(in_flight or settings.orders_in_flight, settings.max_cached_workflows)
        self._sending: dict[int, asyncio.Task[None]] = {}
        self._done: list[int] = []
        self._failed: list[tuple[int, str | None, float]] = []
        self._unreachable = 0
        self._database_failures = 0
        self._longest_idle_s = idle_s
        self._idle_s = BUSY_S
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Dispatch until `stop`; neither an unreachable Temporal nor an unreachable database ends it."""
        while not self._stopping.is_set():
            PULSE.beat(_PART)
            try:
                async with autocommit(self._database) as connection:
                    await self._serve(connection)
            except UNREACHABLE as error:
                self._database_failures += 1
                _log.warning("requests cannot be read", extra={"error": type(error).__name__})
                await self._rest(_backoff_s(self._database_failures, MAX_UNREACHABLE_S))
        await self._finish()

    async def stop(self) -> None:
        """Claim nothing more; `run` ends when what is under way is through or given back."""
        self._stopping.set()

    async def _serve(self, connection: Connection) -> None:
        # One connection for as long as it lasts: asking is what this does most, and taking one costs as much.
        while not self._stopping.is_set():
            PULSE.beat(_PART)
            limit = self._room()
            claimed = await self._turn(connection, limit)
            self._database_failures = 0
            for request in claimed:
                self._send_soon(request)
            await self._rest(self._pause_s(len(claimed), limit))

    def _room(self) -> int:
        if self._unreachable:
            # One request at a time asks whether Temporal is back.
            return 0 if self._sending else 1
        return min(BATCH, IN_FLIGHT - len(self._sending))

    async def _turn(self, connection: Connection, limit: int) -> list[WorkflowRequest]:
        done, failed = self._done[:], self._failed[:]
        if failed:
            await workflow_requests.release(connection, failed)
            del self._failed[: len(failed)]
        claimed: list[WorkflowRequest] = []
        if limit:
            claimed = await self._claimed(connection, done, limit)
        elif done:
            await workflow_requests.settle(connection, done)
        del self._done[: len(done)]
        return claimed

    async def _claimed(self, connection: Connection, done: list[int], limit: int) -> list[WorkflowRequest]:
        await self._brake.poll(connection, limit)
        claim, room, at_least_s = workflow_requests.settle_and_claim, self._brake.room, self._min_age_s
        if room >= limit:
            claimed = await claim(connection, done, limit, min_age_s=at_least_s)
        else:
            claimed = await claim(connection, done, limit, min_age_s=at_least_s, only="begun")
            if (room := min(room, limit - len(claimed))) > 0:
                claimed += await claim(connection, [], room, min_age_s=at_least_s, only="starts")
        self._brake.began(request.subject for request in claimed if request.kind == "start_order")
        return claimed

    def _pause_s(self, claimed: int, limit: int) -> float:
        if self._unreachable:
            return _backoff_s(self._unreachable, MAX_UNREACHABLE_S)
        if claimed:
            self._idle_s = BUSY_S
            return 0.0 if claimed == limit else BUSY_S
        self._idle_s = min(2 * self._idle_s, self._longest_idle_s)
        return self._idle_s

    async def _rest(self, seconds: float) -> None:
        if seconds < IDLE_S:
            await asyncio.sleep(seconds)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()

    def _send_soon(self, request: WorkflowRequest) -> None:
        task = asyncio.create_task(self._send(request))
        self._sending[request.request_id] = task
        task.add_done_callback(lambda _: self._sending.pop(request.request_id, None))

    async def _send(self, request: WorkflowRequest) -> None:
        begun_s = perf_counter()
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S if self._unreachable else SEND_TIMEOUT_S):
                await self._hand_over(request)
        except asyncio.CancelledError:
            self._give_back(request)
            self._failed.append((request.request_id, None, 0.0))
            raise
        except Exception as error:
            self._note_failure(request, error, await self._unknown_attributes(error))
            return
        self._unreachable = 0
        self._done.append(request.request_id)
        if request.kind == "start_order":
            DISPATCH_LAG.observe(request.age_s + perf_counter() - begun_s)

    async def _hand_over(self, request: WorkflowRequest) -> None:
        with continued(request.trace):
            try:
                client = await self._client()
            except RuntimeError as error:
                raise TemporalUnreachable from error
            # Already started: by an earlier attempt, or by another process.
            with suppress(WorkflowAlreadyStartedError):
                await self._deliver(client, request)

    async def _deliver(self, client: Client, request: WorkflowRequest) -> None:
        if request.kind not in KINDS:
            # In a rolling deployment: the request waits for a worker of that version.
            raise UnknownRequestKind(request.kind)
        if request.kind == "start_job":
            job = StartJob(request.subject, float(request.payload["rate_per_s"]))
            await workflow_starts.start_job(client, job, self._task_queue)
        elif request.kind == "signal_transfer":
            await workflow_starts.signal_transfer(client, request.subject, self._task_queue)
        elif request.order is None:
            about = {"step": request.kind, "code": "order_unknown", "request_id": request.request_id}
            _log.error("a request names an unknown order", extra=about)
        elif request.kind == "signal_return":
            await workflow_starts.signal_return(
                client, request.order, self._task_queue, request.subject, request.payload
            )
        elif request.kind == "start_order":
            await workflow_starts.start_once(client, request.order, self._task_queue, eager=self._eager())
        else:
            await workflow_starts.signal(client, request.order, self._task_queue, request.name or "", request.payload)

    async def _unknown_attributes(self, error: Exception) -> list[str]:
        """The server's refusal names one of those that it does not know; these are all of them."""
        named = namespace_setup.named_in(error)
        if named:
            with suppress(RPCError, RuntimeError, TimeoutError):
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    named = await namespace_setup.missing_search_attributes(await self._client()) or named
        return named

    def _note_failure(self, request: WorkflowRequest, error: Exception, unknown: list[str]) -> None:
        code, unreachable = _describe(error)
        self._unreachable += unreachable
        self._give_back(request)
        delay_s = _backoff_s(request.tries, MAX_UNREACHABLE_S if unreachable else MAX_RETRY_S)
        self._failed.append((request.request_id, code, delay_s))
        about = {"step": request.kind, "code": code, "attempt": request.tries, "request_id": request.request_id}
        with bind_order(request.order.order_no if request.order else None):
            if unknown:
                message = "Temporal does not know search attributes: %s; run: oms temporal prepare"
                _log.error(message, ", ".join(unknown), extra={**about, "names": unknown})
            else:
                _log.warning("request not delivered", extra=about)

    def _give_back(self, request: WorkflowRequest) -> None:
        if request.kind == "start_order":
            self._brake.failed(request.subject)

    async def _finish(self) -> None:
        sending = list(self._sending.values())
        if sending:
            _, late = await asyncio.wait(sending, timeout=STOP_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        try:
            async with autocommit(self._database) as connection:
                await self._turn(connection, 0)
        except UNREACHABLE:
            # The lease runs out and another dispatcher tells Temporal again, which takes each start once.
            _log.warning("delivered requests could not be marked")


def _describe(error: Exception) -> tuple[str, bool]:
    if isinstance(error, RPCError):
        return f"temporal_{error.status.name.lower()}", error.status in _UNREACHABLE
    if isinstance(error, TemporalUnreachable | TimeoutError):
        return "temporal_unavailable", True
    return type(error).__name__, False


def _backoff_s(tries: int, most_s: float) -> float:
    return random.uniform(0.5, 1.0) * min(most_s, 0.1 * 2.0 ** min(tries, 10))
