"""Temporal's own "request cancellation" compensates or is refused: it ends no run half-way, whatever is under way."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import given_back
from tests.factories.return_handling import ask, delivered_order, labelled
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import pay_again, resolved
from workflows import names


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """So many attempts that a provider's step is under way for as long as its provider fails."""
    folder = tmp_path_factory.mktemp("cancelled")
    settings = {"gateway_attempts": 1000, "escalation_s": 2, "return_window_s": 600}
    async with staged(database_url, temporal.address, folder, **settings) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def unpaid(stage: Stage) -> str:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    return order_no


async def under_way(stage: Stage, order_no: str, step: str) -> None:
    """Wait until a step has failed and is tried again."""
    rows = "SELECT FROM retrying_steps WHERE order_no = :o AND step = :s"
    await eventually(lambda: stage.sql(rows, o=order_no, s=step), 60)


async def runs(stage: Stage, workflow_id: str) -> bool:
    described = await stage.client.get_workflow_handle(workflow_id).describe()
    return described.status is WorkflowExecutionStatus.RUNNING


async def test_a_cancellation_during_a_providers_call_takes_effect_after_it_and_parks_nothing(stage: Stage) -> None:
    order_no = await unpaid(stage)
    stage.fault("carriers", "error", 1000, order_no=order_no, kind="book")
    await pay_again(stage, order_no)
    await under_way(stage, order_no, "book")
    await stage.handle(order_no).cancel()
    stage.sandbox.http.delete("/faults")
    await stage.reaches(order_no, "cancelled", 60)
    assert "step_parked" not in await stage.events(order_no)
    assert (stage.parcels(order_no), given_back(stage, order_no)) == (["cancelled"], [1000])
    assert await stage.handle(order_no).result() == "cancelled"


async def test_a_cancellation_during_compensation_is_refused_and_the_compensation_goes_on(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "error", 1000, order_no=order_no)
    await cancel(stage, order_no)
    await under_way(stage, order_no, "return_payment")
    await stage.handle(order_no).cancel()
    stage.sandbox.http.delete("/faults")
    assert await stage.handle(order_no).result() == "cancelled"
    assert (await stage.status(order_no), given_back(stage, order_no)) == ("cancelled", [1000])


async def test_a_cancellation_while_compensation_is_parked_neither_closes_the_run_nor_loses_escalation(
    stage: Stage,
) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await cancel(stage, order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).cancel()

    async def escalated() -> bool:
        return "step_escalated" in await stage.events(order_no)

    await eventually(escalated, 60)
    assert await runs(stage, names.order_workflow(order_no))
    await resolved(stage, order_no, "retry")
    assert await stage.handle(order_no).result() == "cancelled"
    assert given_back(stage, order_no) == [1000]


async def test_a_cancellation_while_a_step_is_parked_compensates(stage: Stage) -> None:
    order_no = await unpaid(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no, kind="book")
    await pay_again(stage, order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).cancel()
    await stage.reaches(order_no, "cancelled", 60)
    assert given_back(stage, order_no) == [1000]


async def test_a_cancellation_while_a_returns_label_is_booked_leaves_the_label(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    stage.fault("carriers", "error", 1000, order_no=f"{order_no}-R1", kind="book")
    return_id = await ask(stage, order_no)
    workflow_id = names.return_workflow(return_id)

    async def booking() -> bool:
        try:
            described = await stage.client.get_workflow_handle(workflow_id).describe()
        except RPCError:
            return False  # not begun yet
        pending = described.raw_description.pending_activities
        return any(one.activity_type.name == "book_return_label" and one.attempt > 1 for one in pending)

    await eventually(booking, 60)
    await stage.client.get_workflow_handle(workflow_id).cancel()
    stage.sandbox.http.delete("/faults")
    await labelled(stage, return_id)
    assert await runs(stage, workflow_id)
