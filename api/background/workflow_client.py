"""Asking an order's workflow. The front door starts, and takes orders, while Temporal is down."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import Problem, unavailable
from domain.errors import Conflict
from infra.observability.telemetry import temporal_interceptors
from infra.settings import Settings
from infra.temporal import temporal_client
from workflows import names
from workflows.payloads import StartOrder, UpdateAnswer

logger = logging.getLogger(__name__)

_RETRY_S = 1.0
Answer = TypeVar("Answer")


class WorkflowClient:
    """A client that connects in the background and keeps trying."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Client | None = None
        self._connected = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._connect())

    async def close(self) -> None:
        """Stop connecting."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether Temporal was reached since this process began."""
        return self._client is not None

    async def run_update(self, order_no: str, update: str, arg: Any, update_id: str) -> UpdateAnswer:
        """Send an update, starting the order's workflow where it does not run; wait for its answer.

        The same `update_id` gets the first answer. Raises Conflict with the workflow's own code when it refuses, and
        Problem `workflow_unavailable` when there is no answer within the configured time.
        """
        try:
            async with asyncio.timeout(self._settings.workflow_timeout_s):
                await self._connected.wait()
                assert self._client is not None
                return await self._update(self._client, order_no, update, arg, update_id)
        except WorkflowUpdateFailedError as error:
            raise _refusal(error) from None
        except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowAlreadyStartedError) as error:
            about = {"order_no": order_no, "step": update, "code": type(error).__name__}
            logger.warning("no answer from a workflow", extra=about)
            raise _unavailable() from None

    async def call(self, operation: Callable[[Client], Awaitable[Answer]]) -> Answer:
        """What an operation on Temporal itself answers.

        Raises Conflict `activity_over` when its object has ended, Problem `workflow_unavailable` without an answer.
        """
        try:
            async with asyncio.timeout(self._settings.workflow_timeout_s):
                await self._connected.wait()
                assert self._client is not None
                return await operation(self._client)
        except RPCError as error:
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
                raise Conflict("activity_over", "this step is not running any more; load the page again") from None
            raise _unavailable() from None
        except TimeoutError:
            raise _unavailable() from None

    async def _update(self, client: Client, order_no: str, update: str, arg: Any, update_id: str) -> UpdateAnswer:
        workflow_id, task_queue = names.order_workflow(order_no), self._settings.task_queue
        start = temporal_client.start_or_use(names.ORDER, StartOrder(order_no), workflow_id, task_queue)
        answer: UpdateAnswer = await client.execute_update_with_start_workflow(
            update, arg, start_workflow_operation=start, id=update_id, result_type=UpdateAnswer
        )
        return answer

    async def _connect(self) -> None:
        while self._client is None:
            with contextlib.suppress(RuntimeError, RPCError):
                self._client = await temporal_client.connect(self._settings, interceptors=temporal_interceptors())
                self._connected.set()
                return
            await asyncio.sleep(_RETRY_S)


def _unavailable() -> Problem:
    return unavailable("workflow_unavailable", "the order's workflow does not answer; the same key may ask again")


def _refusal(error: WorkflowUpdateFailedError) -> Exception:
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.type:
        return Conflict(cause.type)
    return _unavailable()
