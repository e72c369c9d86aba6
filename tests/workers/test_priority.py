"""Urgent orders first, without starving the rest, in Temporal's own queue."""

import asyncio
import secrets

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.workflow_starts import share
from domain.orders.priority import RANKS, SHARES, Priority
from infra.db.messaging.workflow_requests import OrderSummary
from infra.stack.temporal.temporal_server import TemporalServer

STANDARD, URGENT = 120, 60
handed_out: list[str] = []


@workflow.defn(name="Counted")
class Counted:
    @workflow.run
    async def run(self, priority: str) -> None:
        handed_out.append(priority)


def facts(priority: Priority) -> OrderSummary:
    return OrderSummary("O", "received", "web", 1, "CNY", 1, RANKS[priority])


async def test_urgent_orders_come_first_and_standard_ones_are_not_starved(temporal: TemporalServer) -> None:
    client, queue = await Client.connect(temporal.address), f"fair-{secrets.token_hex(4)}"

    async def start(priority: Priority, number: int) -> None:
        name = f"{queue}-{priority}-{number}"
        await client.start_workflow(
            "Counted", priority.value, id=name, task_queue=queue, priority=share(facts(priority))
        )

    await asyncio.gather(*(start(Priority.STANDARD, number) for number in range(STANDARD)))
    await asyncio.gather(*(start(Priority.URGENT, number) for number in range(URGENT)))
    handed_out.clear()
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Counted],
        workflow_runner=runner,
        max_cached_workflows=2,
        max_concurrent_workflow_tasks=2,
        max_concurrent_workflow_task_polls=2,
    ):
        async with asyncio.timeout(60):
            while len(handed_out) < STANDARD + URGENT:
                await asyncio.sleep(0.02)
    first = handed_out[: URGENT + 10]
    # They came last and go first; a share of the others goes with them.
    assert first.count("urgent") >= URGENT * 0.8, first
    assert first.count("standard") >= 0.5 * URGENT / SHARES[Priority.URGENT], first


def test_a_standard_order_asks_for_nothing_special() -> None:
    assert share(facts(Priority.STANDARD)).fairness_key is None
    assert share(facts(Priority.VIP)).fairness_key == "vip"
