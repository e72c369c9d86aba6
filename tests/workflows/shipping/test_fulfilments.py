"""An order that no single warehouse can ship: it ships in parts, each independently of the others."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from infra.db.after_sales import delivery_exceptions, return_requests
from infra.db.orders.state import timeline
from infra.db.portal import order_summaries
from infra.db.shipping import picking, short_picks
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.split_orders import booked, fulfilments, part_says, pay, restocked, second_warehouse, split_order
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("split")) as opened:
        await second_warehouse(opened)
        yield opened


async def reach(stage: Stage, order_no: str, *statuses: str) -> None:
    """Wait until the fulfilments have these statuses."""

    async def there() -> bool:
        return [part.status for part in await fulfilments(stage, order_no)] == list(statuses)

    try:
        await eventually(there)
    except AssertionError:
        raise AssertionError(f"{await fulfilments(stage, order_no)}, not {statuses}") from None


async def test_each_part_is_booked_and_followed_independently(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    assert [(part.number, part.warehouse, part.lines) for part in await fulfilments(stage, order_no)] == [
        (1, "WH-EAST", [[1, 2]]),
        (2, "WH-SOUTH", [[1, 1]]),
    ]
    assert stage.parcels(order_no) == ["booked", "booked"]
    assert await stage.status(order_no) == "preparing"
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await reach(stage, order_no, "booked", "delivered")
    assert await stage.status(order_no) == "preparing"
    await part_says(stage, order_no, 1, "picked_up")
    await reach(stage, order_no, "shipped", "delivered")
    assert await stage.status(order_no) == "shipped"
    await part_says(stage, order_no, 1, "delivered")
    await stage.reaches(order_no, "completed")
    moved = await stage.sql(
        "SELECT warehouse, kind, quantity FROM stock_movements WHERE order_no = :o ORDER BY warehouse, kind", o=order_no
    )
    assert [tuple(row) for row in moved] == [
        ("WH-EAST", "reserve", 2), ("WH-EAST", "ship", 2), ("WH-SOUTH", "reserve", 1), ("WH-SOUTH", "ship", 1),
    ]  # fmt: skip
    assert await stage.handle(order_no).result() == "completed"


async def test_reversed_and_repeated_scans_of_two_parcels_end_the_same(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 1, "delivered", "picked_up", "delivered")
    await part_says(stage, order_no, 2, "delivered", "delivered", "in_transit")
    await stage.reaches(order_no, "completed")
    events = [event for event in await stage.events(order_no) if event.startswith(("shipment_", "fulfilment_"))]
    assert sorted(events) == sorted([
        *["fulfilment_booked", "fulfilment_shipped", "fulfilment_delivered"] * 2,
        *["shipment_booked", "shipment_picked_up", "shipment_delivered"],
    ])  # fmt: skip


async def test_a_part_that_cannot_be_booked_waits_for_support_while_the_other_goes_on(stage: Stage) -> None:
    order_no = await split_order(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await pay(stage, order_no)
    parked = await stage.parked(order_no)
    number = int(parked.subject.rpartition("-F")[2])
    other = 3 - number
    await booked(stage, order_no, other)
    await part_says(stage, order_no, other, "picked_up")
    statuses = {number: "reserved", other: "shipped"}
    await reach(stage, order_no, statuses[1], statuses[2])
    assert (await stage.sql("SELECT options FROM parked_steps WHERE order_no = :o", o=order_no))[0][0]
    rid = await stage.resolution(order_no, "retry")
    await stage.handle(order_no).execute_update(names.RESOLVE, m.ResolveRequest(order_no, rid, "retry"))
    statuses[number] = "booked"
    await reach(stage, order_no, statuses[1], statuses[2])
    await part_says(stage, order_no, number, "delivered")
    await part_says(stage, order_no, other, "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_cancellation_recalls_every_parcel(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    answer = await cancel(stage, order_no)
    assert answer["outcome"] in ("cancelled", "cancelling")
    await stage.reaches(order_no, "cancelled")
    assert stage.parcels(order_no) == ["cancelled", "cancelled"]
    await reach(stage, order_no, "cancelled", "cancelled")
    assert not await stage.sql("SELECT 1 FROM allocations WHERE order_no = :o AND state = 'reserved'", o=order_no)


async def cancel(stage: Stage, order_no: str) -> Any:
    return await stage.handle(order_no).execute_update(
        names.CANCEL, m.CancelRequest(order_no, "customer_request", "c"), id=f"cancel-{order_no}"
    )


async def test_a_booking_that_acts_and_does_not_answer_is_not_repeated(stage: Stage) -> None:
    """At the second carrier call of the order, too."""
    order_no = await split_order(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("carriers", "timeout_after", 2, order_no=order_no)
    await pay(stage, order_no)
    await reach(stage, order_no, "booked", "booked")
    assert stage.parcels(order_no) == ["booked", "booked"]


async def test_a_lost_part_is_sent_again_while_the_other_is_delivered(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 1, "delivered")
    await part_says(stage, order_no, 2, "lost")
    parked = await stage.parked(order_no)
    assert (parked.step, parked.subject, parked.options) == ("deliver", f"{order_no}-F2", ["retry", "skip"])
    await restocked(stage, order_no)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        resend = await delivery_exceptions.reship(
            conn, await delivery_exceptions.exception_of(conn, order_no), "customer:c"
        )
    assert (resend.warehouse, list(resend.goods.values())) == ("WH-SOUTH", [1])
    await reach(stage, order_no, "delivered", "booked")
    assert stage.parcels(order_no) == ["booked", "booked", "booked"]  # the sandbox hears nothing of what a test says
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_lost_part_is_refunded_and_the_order_goes_on_without_it(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 2, "lost")
    await stage.parked(order_no)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        problem = await delivery_exceptions.exception_of(conn, order_no)
        assert problem.refund_minor == 1000
        await delivery_exceptions.refund(conn, problem, "customer:c", stage.settings)
    await reach(stage, order_no, "booked", "cancelled")
    await eventually(lambda: ("refund", "succeeded") in stage.payments(order_no))
    await part_says(stage, order_no, 1, "delivered")
    await stage.reaches(order_no, "completed")
    assert (await stage.sql("SELECT refunded_quantity FROM order_lines WHERE order_no = :o", o=order_no))[0][0] == 1
    assert await returnable(stage, order_no) == {2}, "what never reached the customer cannot be returned"


async def returnable(stage: Stage, order_no: str) -> set[int]:
    """Units that can be returned, by a person of the shop and in the portal."""
    async with stage.database.begin() as conn:
        by_staff = await return_requests.returnable(conn, order_no)
        in_portal = await order_summaries.returnable(conn, order_no)
    return {*(line.quantity for line in by_staff), *(line["quantity"] for line in in_portal)}


async def test_a_cancellation_is_refused_once_a_part_has_left_and_the_order_goes_on(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 1, "picked_up")
    await reach(stage, order_no, "shipped", "booked")
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await cancel(stage, order_no)
    assert "parcel_on_its_way" in str(refused.value.cause)
    assert stage.parcels(order_no) == ["booked", "booked"]
    for number in (1, 2):
        await part_says(stage, order_no, number, "delivered")
    await stage.reaches(order_no, "completed")


async def test_what_a_picker_does_not_find_is_sent_by_another_warehouse(stage: Stage) -> None:
    await stage.stock("FOUND", 5)
    await stage.sql("INSERT INTO stock_levels (sku, warehouse) VALUES ('FOUND', 'WH-SOUTH') ON CONFLICT DO NOTHING")
    await stage.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES ('found-south', 'receipt', 'FOUND', 'WH-SOUTH', 2, 2, 0, 'test')"
    )
    order_no = await stage.place("FOUND", 3)
    await eventually(lambda: stage.parcels(order_no) == ["booked"])
    await stage.reaches(order_no, "preparing")
    async with stage.database.begin() as conn:
        work = await picking.lock(conn, f"{order_no}-F1")
        short = await short_picks.report(conn, work, {1: 2}, "warehouse:wu", short_picks.Policy(True, 3600))
    assert [one.fulfilment_id for one in short] == [f"{order_no}-F2"]
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await part_says(stage, order_no, 2, "picked_up")
    await reach(stage, order_no, "delivered", "shipped")
    assert await stage.status(order_no) == "shipped"
    await part_says(stage, order_no, 2, "delivered")
    await stage.reaches(order_no, "completed")
    levels = await stage.sql("SELECT warehouse, on_hand, reserved FROM stock_levels WHERE sku = 'FOUND' ORDER BY 1")
    assert [tuple(row) for row in levels] == [("WH-EAST", 2, 0), ("WH-SOUTH", 0, 0)]
