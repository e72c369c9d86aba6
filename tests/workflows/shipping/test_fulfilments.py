"""An order that no single warehouse can ship: it ships in parts, each independently of the others."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from infra.db.after_sales import delivery_exceptions, return_requests
from infra.db.checks import consistency_checks
from infra.db.orders.state import timeline
from infra.db.portal import order_summaries
from infra.db.shipping import picking, short_picks
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order_recovery import reset, start_again
from tests.workflows.scenarios import resolved
from tests.workflows.split_orders import (
    booked,
    fulfilments,
    part_says,
    pay,
    restocked,
    second_warehouse,
    split_order,
    stock_south,
)
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
    assert (resend.warehouse, list(resend.goods.values())) == ("WH-EAST", [1])
    await reach(stage, order_no, "delivered", "booked")
    assert stage.parcels(order_no) == ["booked", "booked", "booked"]  # the sandbox hears nothing of what a test says
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_lost_part_is_sent_again_from_the_warehouse_of_another_part(stage: Stage) -> None:
    """Each has its share of the same product there: the first is picked up and comes back after all."""
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 2, "lost")
    await stage.parked(order_no)
    (line,) = await stage.sql("SELECT sku FROM order_lines WHERE order_no = :o", o=order_no)
    await stage.stock(line.sku, 1)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        problem = await delivery_exceptions.exception_of(conn, order_no)
        resend = await delivery_exceptions.reship(conn, problem, "customer:c")
    assert (resend.warehouse, dict(resend.goods)) == ("WH-EAST", {line.sku: 1})
    await reach(stage, order_no, "booked", "booked")
    await part_says(stage, order_no, 1, "picked_up")
    await reach(stage, order_no, "shipped", "booked")
    level = "SELECT on_hand, reserved FROM stock_levels WHERE sku = :s AND warehouse = 'WH-EAST'"
    assert await stage.sql(level, s=line.sku) == [(1, 1)], "what the second part has stays reserved"
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await part_says(stage, order_no, 1, "refused")
    await stage.parked(order_no)
    await reach(stage, order_no, "failed", "delivered")
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        problem = await delivery_exceptions.exception_of(conn, order_no)
        await delivery_exceptions.refund(conn, problem, "customer:c", stage.settings)
        back = await delivery_exceptions.receive_undeliverable(conn, f"{order_no}-S1", None, "warehouse:wu")
    assert back["lines"] == [{"sku": line.sku, "quantity": 2}], "what was in its own parcel"
    assert await stage.sql(level, s=line.sku) == [(0, 0)]


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
        short = await short_picks.report(conn, work, {1: 2}, "warehouse:wu", short_picks.Policy(3, 3600))
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


async def test_a_lost_run_goes_on_with_every_part_where_it_stands(stage: Stage) -> None:
    """One is parked, the other one is under way."""
    order_no = await split_order(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await pay(stage, order_no)
    number = int((await stage.parked(order_no)).subject.rpartition("-F")[2])
    await booked(stage, order_no, 3 - number)
    await stage.handle(order_no).terminate("lost")
    await start_again(stage, order_no)
    await part_says(stage, order_no, 3 - number, "picked_up", "delivered")
    await eventually(lambda: part_is(stage, order_no, 3 - number, "delivered"))
    await resolved(stage, order_no, "retry")
    await booked(stage, order_no, number)
    await part_says(stage, order_no, number, "delivered")
    await stage.reaches(order_no, "completed")
    assert stage.parcels(order_no) == ["booked", "booked"]
    assert await stage.sql("SELECT count(*) FROM parked_steps WHERE order_no = :o", o=order_no) == [(1,)]


async def part_is(stage: Stage, order_no: str, number: int, status: str) -> bool:
    return (await fulfilments(stage, order_no))[number - 1].status == status


async def test_a_part_that_is_not_picked_up_in_time_waits_for_support_alone(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await stage.sql(
        "UPDATE fulfilments SET due_at = now() + interval '1 second' WHERE order_no = :o AND number = 2", o=order_no
    )
    await stage.handle(order_no).signal(names.CARRIER_REPORTED)
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error, parked.subject) == ("deliver", "no_pickup", f"{order_no}-F2")
    await part_says(stage, order_no, 1, "delivered")
    await reach(stage, order_no, "delivered", "booked")
    await part_says(stage, order_no, 2, "delivered")  # it needs no person any more
    await stage.reaches(order_no, "completed")


async def test_a_scan_before_the_answers_of_two_bookings_finds_its_parcel(stage: Stage) -> None:
    """While neither of them has a reference, it cannot be known whose it is."""
    order_no = await split_order(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("carriers", "timeout_after", 2, order_no=order_no, kind="book")
    paying = asyncio.create_task(pay(stage, order_no))
    await eventually(lambda: len(stage.parcels(order_no)) == 2)
    items = stage.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"]
    fact = {"carrier_ref": items[0]["id"], "tracking_no": items[0]["tracking_no"], "status": "picked_up"}
    await stage.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})
    await paying

    async def found() -> bool:
        rows = await stage.sql("SELECT carrier_ref, status FROM shipments WHERE order_no = :o", o=order_no)
        return {row.carrier_ref: row.status for row in rows} == {
            items[0]["id"]: "picked_up", items[1]["id"]: "booked",
        }  # fmt: skip

    await eventually(found)


async def test_orders_that_want_the_same_units_at_once_share_what_there_is_and_no_more(stage: Stage) -> None:
    """Fifteen units in two warehouses: five orders of three, whoever is split."""
    sku = f"WANTED-{secrets.token_hex(4)}"
    await stage.stock(sku, 7)
    await stock_south(stage, sku, 8)
    orders = [await stage.place(sku, 3, token=None) for _ in range(8)]

    async def decided() -> list[str]:
        rows = await stage.sql("SELECT status FROM orders WHERE order_no = ANY(:o)", o=orders)
        found = [str(row.status) for row in rows]
        return [] if "received" in found else found

    statuses = await eventually(decided)
    assert sorted(statuses) == ["cancelled"] * 3 + ["pending_payment"] * 5
    levels = await stage.sql("SELECT on_hand, reserved FROM stock_levels WHERE sku = :s ORDER BY 1", s=sku)
    assert [tuple(row) for row in levels] == [(7, 7), (8, 8)]
    wrong = {result.question.code for result in await consistency_checks.run_all(stage.settings) if result.count}
    assert not wrong & {"stock_levels", "stock_reserved", "stock_promised", "fulfilments"}


async def test_a_lost_part_that_arrives_after_all_stops_the_one_that_was_sent_again(stage: Stage) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    (first,) = await stage.sql(
        "SELECT carrier_ref, tracking_no FROM shipments WHERE order_no = :o AND fulfilment_no = 2", o=order_no
    )
    await part_says(stage, order_no, 2, "lost")
    await stage.parked(order_no)
    await restocked(stage, order_no)
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        await delivery_exceptions.reship(conn, await delivery_exceptions.exception_of(conn, order_no), "customer:c")
    await booked(stage, order_no, 2)
    fact = {"carrier_ref": first.carrier_ref, "tracking_no": first.tracking_no, "status": "delivered"}
    await stage.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})
    await reach(stage, order_no, "booked", "delivered")
    assert "replacement_stopped" in await stage.events(order_no)
    assert stage.parcels(order_no)[-1] == "cancelled"
    await part_says(stage, order_no, 1, "delivered")
    await stage.reaches(order_no, "completed")
    assert not await stage.sql("SELECT 1 FROM allocations WHERE order_no = :o AND state = 'reserved'", o=order_no)


@pytest.mark.parametrize("task", [1, -1])
async def test_a_reset_books_no_part_twice(stage: Stage, task: int) -> None:
    order_no = await split_order(stage)
    await reach(stage, order_no, "booked", "booked")
    await reset(stage, order_no, task)
    for number in (1, 2):
        await part_says(stage, order_no, number, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    assert len(stage.parcels(order_no)) == 2
    events = await stage.events(order_no)
    assert [events.count(f"fulfilment_{what}") for what in ("booked", "shipped", "delivered")] == [2, 2, 2]
