"""Scenarios of returns, on a stage with a short return window; each answers with its order's number or its id."""

from tests.factories.return_handling import ask, becomes, delivered_order, inspect, labelled, parcel_says, receive
from tests.order_stage import Stage, eventually
from tests.workflows.scenarios import STREET, Scenario, noted, placed

PACE = {"return_window_s": 4, "return_inspect_s": 1}
RETURNING: dict[str, Scenario] = {}


def returning(scenario: Scenario) -> Scenario:
    """Register a story under its name."""
    RETURNING[scenario.__name__] = scenario
    return scenario


async def walked(stage: Stage) -> tuple[str, str]:
    """(order number, return id): labelled, scanned, received, inspected, refunded."""
    order_no = await delivered_order(stage, line1=STREET)
    return_id = await ask(stage, order_no)
    await parcel_says(stage, order_no, await labelled(stage, return_id), "picked_up")
    await becomes(stage, return_id, "in_transit")
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")
    await stage.reaches(order_no, "completed")
    return order_no, return_id


@returning
async def order_with_a_return(stage: Stage) -> str:
    return (await walked(stage))[0]


@returning
async def return_walked(stage: Stage) -> str:
    return (await walked(stage))[1]


@returning
async def order_whose_return_outlasts_its_window(stage: Stage) -> str:
    order_no = await delivered_order(stage, line1=STREET)
    return_id = await ask(stage, order_no)
    await eventually(
        lambda: stage.sql("SELECT 1 FROM orders WHERE order_no = :o AND (waiting->>'until')::timestamptz < now()",
                          o=order_no), 20)  # fmt: skip
    assert await stage.status(order_no) == "delivered"
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await stage.reaches(order_no, "completed")
    return order_no


@returning
async def return_nobody_inspects(stage: Stage) -> str:
    order_no = await delivered_order(stage, line1=STREET)
    return_id = await ask(stage, order_no)
    await receive(stage, return_id)
    await becomes(stage, return_id, "completed")
    return return_id


@returning
async def return_without_a_label(stage: Stage) -> str:
    order_no = await placed(stage)
    await stage.reaches(order_no, "preparing")
    stage.fault("carriers", "reject", 1, order_no=f"{order_no}-R1")
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")
    return_id = await ask(stage, order_no)
    await noted(stage, order_no, "return_label_failed")
    await receive(stage, return_id)
    await inspect(stage, return_id)
    await becomes(stage, return_id, "completed")
    return return_id
