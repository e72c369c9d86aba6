"""A return's story on real servers: walked by people, and ended on its own where they are silent."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from rich.console import Console
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus

from domain.after_sales.returns import Condition
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import given_back
from tests.factories.return_handling import (
    ask,
    becomes,
    delivered_order,
    inspect,
    labelled,
    parcel_says,
    receive,
    stock_of,
)
from tests.order_stage import Stage, eventually, staged
from workers.cli import recover
from workflows import names

PATIENT: dict[str, Any] = {"return_window_s": 3600}


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("returns"), **PATIENT) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def returning_events(stage: Stage, order_no: str) -> list[str]:
    return [
        kind for kind in await stage.events(order_no) if kind.startswith(("return_", "refund_", "payment_refunded"))
    ]


async def test_a_return_is_walked_to_its_end(stage: Stage) -> None:
    order_no = await delivered_order(stage, quantity=2)
    return_id = await ask(stage, order_no)
    parcel = await labelled(stage, return_id)
    assert stage.parcels(f"{order_no}-R1") == ["booked"]
    await parcel_says(stage, order_no, parcel, "picked_up")
    await becomes(stage, return_id, "in_transit")
    await parcel_says(stage, order_no, parcel, "delivered")
    before = await stock_of(stage)
    await receive(stage, return_id)
    await inspect(stage, return_id)
    assert await stock_of(stage) == (before[0] + 1, before[1])
    await becomes(stage, return_id, "completed")
    assert given_back(stage, order_no) == [1000]
    assert await stage.client.get_workflow_handle(names.return_workflow(return_id)).result() == "completed"
    events = await returning_events(stage, order_no)
    assert [kind for kind in events if kind.startswith("return_")][:4] == [
        "return_requested", "return_approved", "return_label_booked", "return_in_transit",
    ]  # fmt: skip
    assert events[-1] == "return_completed"
    assert await stage.status(order_no) == "delivered"


async def test_no_scan_is_needed_before_it_is_received(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await receive(stage, return_id, Condition.DAMAGED)
    before = await stock_of(stage)
    await inspect(stage, return_id, Condition.DAMAGED)
    assert await stock_of(stage) == (before[0], before[1] + 1)
    await becomes(stage, return_id, "completed")
    assert given_back(stage, order_no) == [1000]


async def test_a_label_that_cannot_be_had_does_not_stop_the_return(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    stage.fault("carriers", "reject", 1, order_no=f"{order_no}-R1")
    return_id = await ask(stage, order_no)
    await eventually(lambda: stage.sql("SELECT 1 FROM returns WHERE return_id = :r AND label = 'failed'", r=return_id))
    assert "return_label_failed" in await stage.events(order_no)
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")


async def test_a_label_whose_answer_is_lost_is_booked_once(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    stage.fault("carriers", "timeout_after", 1, order_no=f"{order_no}-R1")
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    assert stage.parcels(f"{order_no}-R1") == ["booked"]


async def test_one_of_two_receipts_at_once_wins(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    ended = await asyncio.gather(*(receive(stage, return_id) for _ in range(4)), return_exceptions=True)
    assert [getattr(error, "code", "") for error in ended if error] == ["return_already_received"] * 3
    before = await stock_of(stage)
    ended = await asyncio.gather(*(inspect(stage, return_id) for _ in range(4)), return_exceptions=True)
    assert [getattr(error, "code", "") for error in ended if error] == ["return_already_inspected"] * 3
    await becomes(stage, return_id, "completed")
    assert await stock_of(stage) == (before[0] + 1, before[1])
    assert given_back(stage, order_no) == [1000]


async def test_a_terminated_return_is_begun_again_by_the_next_change(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    handle = stage.client.get_workflow_handle(names.return_workflow(return_id))
    await handle.terminate("by mistake")
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")


async def test_temporals_cancel_does_not_end_a_return(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    await stage.client.get_workflow_handle(names.return_workflow(return_id)).cancel()
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")


async def test_what_comes_after_the_end_is_taken_in(stage: Stage) -> None:
    """The customer cancelled, the parcel comes all the same."""
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    await stage.sql("UPDATE returns SET status = 'cancelled', deadline = NULL WHERE return_id = :r", r=return_id)
    handle = stage.client.get_workflow_handle(names.return_workflow(return_id))
    assert await handle.result() == "cancelled"
    assert stage.parcels(f"{order_no}-R1") == ["cancelled"]
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")
    assert given_back(stage, order_no) == [1000]


async def test_what_our_carrier_loses_is_refunded_and_nothing_is_put_on_a_shelf(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    before = await stock_of(stage)
    parcel = await labelled(stage, return_id)
    await parcel_says(stage, order_no, parcel, "picked_up")
    await parcel_says(stage, order_no, parcel, "lost")
    await becomes(stage, return_id, "completed")
    assert (given_back(stage, order_no), await stock_of(stage)) == ([1000], before)


async def test_after_the_loss_of_temporal_the_database_begins_it_again(stage: Stage) -> None:
    """Order and return are gone; `oms recover` starts both, and neither twice."""
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    handle = stage.client.get_workflow_handle(names.return_workflow(return_id))
    await handle.terminate("lost")
    await stage.handle(order_no).terminate("lost")
    await recover.recover(stage.settings, Console(quiet=True))
    for one in (stage.handle(order_no), handle):
        assert (await one.describe()).status is WorkflowExecutionStatus.RUNNING
    again = await recover.recover(stage.settings, Console(quiet=True))
    assert (again.started, again.returns) == (0, 0)
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")


async def test_a_reset_order_begins_no_second_return(stage: Stage) -> None:
    """The order is reset to its beginning: it finds its return followed already, and both go on."""
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    handle = stage.handle(order_no)
    history = await handle.fetch_history()
    first = next(e.event_id for e in history.events if e.HasField("workflow_task_completed_event_attributes"))
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=stage.client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=handle.id),
            reason="a test", request_id=return_id, workflow_task_finish_event_id=first,
        )
    )  # fmt: skip
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")
    assert given_back(stage, order_no) == [1000]
    assert await stage.status(order_no) == "delivered"


async def test_an_unused_label_that_cannot_be_given_back_stops_nothing(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    return_id = await ask(stage, order_no)
    await labelled(stage, return_id)
    stage.fault("carriers", "reject", 1, order_no=f"{order_no}-R1", kind="cancel")
    await stage.sql("UPDATE returns SET status = 'cancelled', deadline = NULL WHERE return_id = :r", r=return_id)
    assert await stage.client.get_workflow_handle(names.return_workflow(return_id)).result() == "cancelled"
    assert stage.parcels(f"{order_no}-R1") == ["booked"]


async def test_a_label_whose_answer_is_lost_with_temporal_is_given_back_once_the_return_is_over(stage: Stage) -> None:
    """Neither the database nor Temporal knows what the carrier has booked; the carrier does."""
    order_no = await delivered_order(stage)
    stage.fault("carriers", "timeout_after", 1, order_no=f"{order_no}-R1")
    return_id = await ask(stage, order_no)
    await eventually(lambda: stage.parcels(f"{order_no}-R1") == ["booked"], 60)
    handle = stage.client.get_workflow_handle(names.return_workflow(return_id))
    await handle.terminate("lost")
    await stage.sql("UPDATE returns SET status = 'cancelled', deadline = NULL WHERE return_id = :r", r=return_id)
    await recover.recover(stage.settings, Console(quiet=True))
    assert await stage.client.get_workflow_handle(handle.id).result() == "cancelled"
    assert stage.parcels(f"{order_no}-R1") == ["cancelled"]
    label = "SELECT label FROM returns WHERE return_id = :r"
    assert (await stage.sql(label, r=return_id))[0][0] == "none"


async def test_an_erased_customers_return_goes_on_without_a_label(stage: Stage) -> None:
    order_no = await delivered_order(stage)
    await stage.sql("UPDATE customers SET data_key = NULL WHERE customer_id = "
                    "(SELECT customer_id FROM orders WHERE order_no = :o)", o=order_no)  # fmt: skip
    return_id = await ask(stage, order_no)
    await eventually(lambda: stage.sql("SELECT 1 FROM returns WHERE return_id = :r AND label = 'failed'", r=return_id))
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")
