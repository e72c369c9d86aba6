"""The record of steps that still retry: written by failures, gone when they are over, nothing without trouble."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.common import RetryPolicy

from activities.retry_log import STEP_OF, pause_after
from infra.db.support import parked_groups, retrying_steps
from infra.db.support.retrying_steps import RetryingStep, RetryingStepFilter
from infra.stack.temporal.temporal_server import TemporalServer
from infra.temporal import running_activities
from infra.temporal.running_activities import ActivityAction
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from workflows import names, ports


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """Nine attempts, so that an outage lasts."""
    folder = tmp_path_factory.mktemp("failing")
    async with staged(database_url, temporal.address, folder, gateway_attempts=9) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def rows(stage: Stage, order_no: str) -> list[Any]:
    return await stage.sql("SELECT * FROM retrying_steps WHERE order_no = :o", o=order_no)


async def listed(stage: Stage, **wanted: Any) -> list[RetryingStep]:
    async with stage.database.begin() as conn:
        return await retrying_steps.listed(conn, RetryingStepFilter(**wanted))


async def grouped(stage: Stage, error: str) -> list[tuple[int, int]]:
    async with stage.database.begin() as conn:
        found = await parked_groups.groups(conn)
    return [(row.orders, row.failing) for row in found if row.error == error]


async def failed_at_booking(stage: Stage, count: int, mode: str = "error") -> str:
    """An order whose booking fails so often, when it has failed twice."""
    order_no = await stage.place(token=None)
    stage.fault("carriers", mode, count, order_no=order_no, kind="book")
    await stage.sql(
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES (:o || '/1', :o, 1, 'sandbox', 'tok_ok', 'test')",
        o=order_no,
    )

    async def twice() -> bool:
        found = await rows(stage, order_no)
        return bool(found and found[0].attempt >= 2)

    await eventually(twice)
    return order_no


def test_every_step_that_calls_a_provider_is_recorded() -> None:
    # A return's label is no step of its order: what fails of it for good is on the timeline, and the return goes on.
    labels = {"book_return_label", "cancel_return_label"}
    called = {name for name, port in ports.ALL.items() if isinstance(port, ports.GatewayPort)}
    assert set(STEP_OF) == called - labels


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 10), (100_000, 10)])
def test_the_next_try_is_when_the_server_makes_it(attempt: int, seconds: int) -> None:
    policy = RetryPolicy(initial_interval=timedelta(seconds=2), maximum_interval=timedelta(seconds=10))
    assert pause_after(attempt, policy) == timedelta(seconds=seconds)


async def test_what_passes_is_recorded_while_it_lasts_and_then_forgotten(stage: Stage) -> None:
    order_no = await failed_at_booking(stage, 6)
    (row,) = await listed(stage, step="book")
    assert (row.order_no, row.activity, row.step) == (order_no, "book_shipment", "book")
    assert (row.provider, row.max_attempts, row.paused) == ("sandbox", 9, False)
    assert await grouped(stage, row.error) == [(0, 1)]
    await stage.reaches(order_no, "preparing")
    assert not await grouped(stage, row.error)

    async def erased() -> bool:
        return not await rows(stage, order_no)

    await eventually(erased)


async def test_one_that_parks_is_not_tried_any_more(stage: Stage) -> None:
    order_no = await failed_at_booking(stage, 10)
    await stage.parked(order_no)
    assert not await rows(stage, order_no)
    assert (await stage.parked(order_no)).attempts == 9
    assert await grouped(stage, (await stage.parked(order_no)).error) == [(1, 0)]
    # Tried again it fails once more, which is the first of nine.
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    await stage.reaches(order_no, "preparing", 60)


async def test_an_order_without_trouble_leaves_nothing(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    assert not await rows(stage, order_no)


async def test_a_paused_one_comes_first_and_a_retry_elsewhere_does_not_leave_it_behind(stage: Stage) -> None:
    """Reset in Temporal UI it counts from one again, so its success looks like a first attempt: the order has moved."""
    older, order_no = await failed_at_booking(stage, 10**6), await failed_at_booking(stage, 10**6)
    workflow_id = names.order_workflow(order_no)
    (step,) = (await running_activities.under_way(stage.client, workflow_id)).activities
    await running_activities.apply_action(stage.client, workflow_id, step.activity_id, ActivityAction.PAUSE, "act_1")
    async with stage.database.begin() as conn:
        await retrying_steps.set_paused(conn, order_no, "book_shipment", True)
    found = await listed(stage, limit=1)
    assert [(row.order_no, row.paused) for row in found] == [(order_no, True), (older, False)]
    first = found[0]
    place = retrying_steps.Place(True, first.since, first.order_no, first.activity)
    assert [row.order_no for row in await listed(stage, after=place)] == [older]

    stage.sandbox.http.delete("/faults")
    async with stage.database.begin() as conn:
        await retrying_steps.set_paused(conn, order_no, "book_shipment", False)
    await running_activities.apply_action(stage.client, workflow_id, step.activity_id, ActivityAction.UNPAUSE, "act_2")
    await running_activities.apply_action(
        stage.client, workflow_id, step.activity_id, ActivityAction.RETRY_NOW, "act_3"
    )
    await stage.reaches(order_no, "preparing")
    await stage.reaches(older, "preparing")
    assert not await listed(stage)
