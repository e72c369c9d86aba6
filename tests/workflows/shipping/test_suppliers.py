"""A supplier ships what the warehouses cannot: it is asked, ships, refuses, and keeps what is recalled."""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowUpdateStage

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.scenarios import resolved
from tests.workflows.split_orders import booked, fulfilments, part_says, second_warehouse, stock_south
from tests.workflows.suppliers import SUPPLIER, asked, delivered, is_over, level, refuses, ships, supplied, supplier
from workflows import names
from workflows import payloads as m

ACCEPTED = WorkflowUpdateStage.ACCEPTED


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("supplier")) as opened:
        await second_warehouse(opened)
        await supplier(opened)
        yield opened


async def parts(stage: Stage, order_no: str) -> list[tuple[str, str]]:
    return [(part.warehouse, part.status) for part in await fulfilments(stage, order_no)]


async def becomes(stage: Stage, order_no: str, *expected: tuple[str, str]) -> None:
    async def there() -> bool:
        return await parts(stage, order_no) == list(expected)

    try:
        await eventually(there)
    except AssertionError:
        raise AssertionError(f"{await parts(stage, order_no)}, not {expected}") from None


async def test_a_supplier_ships_what_no_warehouse_has(stage: Stage) -> None:
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    assert await stage.status(order_no) == "preparing"
    assert stage.parcels(order_no) == [], "our carrier is not booked"
    assert await level(stage, sku, SUPPLIER) == (5, 2)
    (order,) = await stage.sql("SELECT waiting FROM orders WHERE order_no = :o", o=order_no)
    assert order.waiting["what"] == "supplier" and order.waiting["until"]
    await ships(stage, order_no)
    await stage.reaches(order_no, "shipped")
    assert await level(stage, sku, SUPPLIER) == (3, 0)
    await delivered(stage, order_no)
    await stage.reaches(order_no, "completed")
    events = await stage.events(order_no)
    assert [one for one in events if "suppl" in one or one.startswith("shipment_")] == [
        "shipment_booked", "supplier_requested", "shipment_picked_up", "shipment_delivered",
    ]  # fmt: skip


async def test_several_warehouses_come_before_a_supplier_that_has_everything(stage: Stage) -> None:
    sku = await supplied(stage, here=2, there=9)
    await stock_south(stage, sku, 1)
    order_no = await stage.place(sku, 3)
    await becomes(stage, order_no, ("WH-EAST", "booked"), ("WH-SOUTH", "booked"))
    rest = await stage.place(sku, 3)
    await becomes(stage, rest, (SUPPLIER, "booked"))


async def test_a_warehouse_and_a_supplier_ship_an_order_together(stage: Stage) -> None:
    sku = await supplied(stage, here=2, there=1)
    order_no = await stage.place(sku, 3)
    await becomes(stage, order_no, ("WH-EAST", "booked"), (SUPPLIER, "booked"))
    assert stage.parcels(order_no) == ["booked"]
    await ships(stage, order_no, 2)
    await becomes(stage, order_no, ("WH-EAST", "booked"), (SUPPLIER, "shipped"))
    assert await stage.status(order_no) == "preparing"
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await delivered(stage, order_no, 2)
    await stage.reaches(order_no, "completed")


async def test_what_a_supplier_refuses_is_shipped_by_a_warehouse(stage: Stage) -> None:
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    await stock_south(stage, sku, 2)
    short = await refuses(stage, order_no)
    assert [one.fulfilment_id for one in short] == [f"{order_no}-F2"]
    await booked(stage, order_no, 2)
    assert await parts(stage, order_no) == [(SUPPLIER, "cancelled"), ("WH-SOUTH", "booked")]
    assert await level(stage, sku, SUPPLIER) == (3, 0), "what it does not have is not sold again"
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_refusal_that_nobody_can_take_over_is_supports_at_once(stage: Stage) -> None:
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    assert [one.fulfilment_id for one in await refuses(stage, order_no)] == [None]
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error) == ("deliver", "supplier_refused")
    await stock_south(stage, sku, 2)
    assert [one.fulfilment_id for one in await refuses(stage, order_no)] == [f"{order_no}-F2"]
    await is_over(stage, order_no)
    await booked(stage, order_no, 2)
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def test_a_refused_part_beside_a_shipped_one_is_cancelled_by_nobody_in_silence(stage: Stage) -> None:
    sku = await supplied(stage, here=2, there=1)
    order_no = await stage.place(sku, 3)
    await becomes(stage, order_no, ("WH-EAST", "booked"), (SUPPLIER, "booked"))
    await part_says(stage, order_no, 1, "picked_up")
    await refuses(stage, order_no, 2)
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error, parked.subject) == ("deliver", "supplier_refused", f"{order_no}-F2")
    assert parked.options == ["retry", "skip", "give_up"]


async def test_a_refused_part_is_given_up_with_its_money_and_the_order_goes_on(stage: Stage) -> None:
    sku = await supplied(stage, here=2, there=1)
    order_no = await stage.place(sku, 3)
    await becomes(stage, order_no, ("WH-EAST", "booked"), (SUPPLIER, "booked"))
    await part_says(stage, order_no, 1, "picked_up")
    await refuses(stage, order_no, 2)
    parked = await stage.parked(order_no)
    moves = "SELECT amount_moved_by(:o, 'deliver', 'give_up', :a) AS minor"
    (agreed,) = await stage.sql(moves, o=order_no, a=parked.amount_minor)
    await resolved(stage, order_no, "give_up")
    await becomes(stage, order_no, ("WH-EAST", "shipped"), (SUPPLIER, "cancelled"))
    assert await level(stage, sku, SUPPLIER) == (0, 0), "what it does not have is not sold again"
    await part_says(stage, order_no, 1, "delivered")
    await stage.reaches(order_no, "completed")
    (refund,) = await stage.sql("SELECT amount_minor, status, asked_by FROM refunds WHERE order_no = :o", o=order_no)
    (line,) = await stage.sql(
        "SELECT unit_price_minor, refunded_quantity FROM order_lines WHERE order_no = :o", o=order_no
    )
    assert (refund.status, refund.asked_by, line.refunded_quantity) == ("succeeded", "support:ann", 1)
    assert line.unit_price_minor == refund.amount_minor <= agreed.minor, "no more than was agreed"
    (given,) = await stage.sql("SELECT given_minor(:o) AS minor", o=order_no)
    assert given.minor == refund.amount_minor, "the decision and its refund count once"
    (case,) = await stage.sql("SELECT state FROM stock_cases WHERE subject = :s", s=f"{order_no}-F2/1")
    assert case.state == "resolved"
    assert "fulfilment_given_up" in await stage.events(order_no)


async def test_a_cancellation_waits_for_the_supplier_to_keep_the_parcel(stage: Stage) -> None:
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    await stage.handle(order_no).start_update(
        names.CANCEL, m.CancelRequest(order_no, "customer_request", "test"), wait_for_stage=ACCEPTED
    )
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error) == ("cancel_shipment", "supplier_asked")
    assert await refuses(stage, order_no, reason="recalled") == []
    await stage.reaches(order_no, "cancelled")
    assert await level(stage, sku, SUPPLIER) == (5, 0)
    assert [kind for kind, state in stage.payments(order_no) if state == "succeeded"][-1] in ("refund", "void")


async def test_a_cancellation_is_refused_once_the_supplier_has_shipped(stage: Stage) -> None:
    sku = await supplied(stage)
    order_no = await stage.place(sku, 2)
    await asked(stage, order_no)
    update = await stage.handle(order_no).start_update(
        names.CANCEL, m.CancelRequest(order_no, "customer_request", "test"), wait_for_stage=ACCEPTED,
        result_type=m.UpdateAnswer,
    )  # fmt: skip
    await stage.parked(order_no)
    await ships(stage, order_no)
    assert (await update.result()).outcome == "cancelling"
    await stage.reaches(order_no, "shipped")
    await delivered(stage, order_no)
    await stage.reaches(order_no, "completed")
    assert "cancel_refused" in await stage.events(order_no)
