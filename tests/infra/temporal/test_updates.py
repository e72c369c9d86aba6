"""Updates that start their workflow: an error is raised once, and nothing is left for asyncio to log later."""

import asyncio
import contextlib
import gc
import uuid
from collections.abc import Callable, Coroutine

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from api.background.workflow_client import WorkflowClient
from api.errors import Problem
from infra.settings import Settings
from infra.stack.temporal.temporal_server import TemporalServer
from infra.temporal.temporal_client import start_or_use


async def left_behind(call: Callable[[], Coroutine[None, None, None]]) -> list[str]:
    """What asyncio says about a call once all of it is collected."""
    text: list[str] = []
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    gc.collect()
    loop.set_exception_handler(lambda _, about: text.append(about["message"]))
    try:
        await asyncio.create_task(call())
        gc.collect()
    finally:
        loop.set_exception_handler(handler)
    return text


async def connected(workflows: WorkflowClient) -> None:
    """Returns when the client reaches Temporal, which may take longer than one of its calls."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(Problem):
                await workflows.call(lambda client: client.service_client.check_health())
                return


async def test_a_call_that_gets_no_answer_leaves_nothing_behind(temporal: TemporalServer) -> None:
    nobody_works = f"nobody-{uuid.uuid4().hex[:6]}"
    settings = Settings(temporal_address=temporal.address, task_queue=nobody_works, workflow_timeout_s=0.3)
    workflows = WorkflowClient(settings)
    workflows.start()

    async def ask() -> None:
        with pytest.raises(Problem, match="does not answer"):
            await workflows.run_update(nobody_works, "pay", None, "once")

    try:
        await connected(workflows)
        assert await left_behind(ask) == []
    finally:
        await workflows.close()


async def test_a_call_that_temporal_refuses_leaves_nothing_behind(temporal: TemporalServer) -> None:
    client = await Client.connect(temporal.address, namespace="nowhere")

    async def ask() -> None:
        start = start_or_use("Order", None, "one", "nobody")
        with pytest.raises(RPCError):
            await client.execute_update_with_start_workflow("pay", None, start_workflow_operation=start, id="once")

    assert await left_behind(ask) == []
