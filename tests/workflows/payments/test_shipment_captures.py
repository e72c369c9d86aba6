"""Orders whose payment is captured as they ship: each fulfilment's share when its parcel has left, once, never more."""

import secrets
from collections.abc import AsyncIterator

import pytest
from psycopg import sql

from domain.orders.backorder_choices import BackorderChoice
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls, as_owner, create_database
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import resolved
from tests.workflows.split_orders import booked, decide, part_says, partly, second_warehouse, stock_south


@pytest.fixture(scope="module")
async def shipping(
    postgres: PostgresServer, database_template: str, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A stage on which payments are captured by shipment."""
    await create_database(postgres, "by_shipment", database_template)
    urls = DatabaseUrls(postgres.url(SUPERUSER, "by_shipment"), postgres.url(APP, "by_shipment"))
    folder = tmp_path_factory.mktemp("by_shipment")
    async with staged(urls, temporal.address, folder, capture="shipment") as opened:
        await opened.stock("TEA", 1000)
        await second_warehouse(opened)
        yield opened
    await as_owner(postgres, sql.SQL("DROP DATABASE by_shipment WITH (FORCE)").format())


async def split_order(stage: Stage) -> str:
    """Three pieces at 9.99: two are in one warehouse, one is in the other."""
    sku = f"APART-{secrets.token_hex(4)}"
    await stage.stock(sku, 2, price_minor=999)
    await stock_south(stage, sku, 1)
    order_no = await stage.place(sku, 3)
    await booked(stage, order_no, 1)
    await booked(stage, order_no, 2)
    return order_no


async def captured(stage: Stage, order_no: str, number: int) -> None:
    """Wait until the share of the fulfilment is captured."""
    statement = "SELECT 1 FROM payments WHERE order_no = :o AND fulfilment_no = :n AND status = 'succeeded'"
    await eventually(lambda: stage.sql(statement, o=order_no, n=number))


def money(stage: Stage, order_no: str) -> list[tuple[str, str, int]]:
    """What the provider believes: (kind, status, amount), oldest first."""
    items = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    return [(item["kind"], item["status"], item["amount_minor"]) for item in items]


async def shares(stage: Stage, order_no: str) -> dict[int, int]:
    """What is captured with each fulfilment, as the database has it."""
    rows = await stage.sql(
        "SELECT fulfilment_no, sum(amount_minor)::bigint FROM payments WHERE order_no = :o AND kind = 'capture'"
        " AND status = 'succeeded' GROUP BY 1",
        o=order_no,
    )
    return {row[0]: row[1] for row in rows}


async def test_each_part_is_captured_when_it_ships_and_all_add_up_to_the_total(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    assert money(shipping, order_no) == [("authorise", "succeeded", 2997)]
    rows = await shipping.sql("SELECT number, quantity FROM fulfilment_lines WHERE order_no = :o", o=order_no)
    units = {row.number: row.quantity for row in rows}
    await part_says(shipping, order_no, 2, "picked_up")
    await captured(shipping, order_no, 2)
    assert await shares(shipping, order_no) == {2: 999 * units[2]}
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "delivered")
    await part_says(shipping, order_no, 2, "delivered")
    await shipping.reaches(order_no, "completed")
    assert await shares(shipping, order_no) == {number: 999 * count for number, count in units.items()}
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture", "capture"]


async def test_what_is_cancelled_before_it_is_there_is_never_captured(shipping: Stage) -> None:
    """The parcel that left is captured; for the rest, whose stock never comes, there is nothing to refund."""
    order_no, _ = await partly(shipping)
    await booked(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await decide(shipping, order_no, BackorderChoice.CANCEL)
    await part_says(shipping, order_no, 1, "delivered")
    await shipping.reaches(order_no, "completed")
    assert list(await shares(shipping, order_no)) == [1]
    assert "refund" not in [kind for kind, _, _ in money(shipping, order_no)]
    assert not await shipping.sql("SELECT 1 FROM refunds WHERE order_no = :o", o=order_no)


async def test_an_order_with_one_part_is_captured_when_it_ships(shipping: Stage) -> None:
    order_no = await shipping.place("TEA", 2)
    await shipping.reaches(order_no, "preparing")
    assert shipping.payments(order_no) == [("authorise", "succeeded")]
    await shipping.carrier_says(order_no, "picked_up")
    await captured(shipping, order_no, 1)
    await shipping.carrier_says(order_no, "delivered")
    await shipping.reaches(order_no, "completed")
    assert money(shipping, order_no) == [("authorise", "succeeded", 2000), ("capture", "succeeded", 2000)]
    events = await shipping.events(order_no)
    assert "payment_captured" not in events
    assert events.count("part_captured") == 1


async def test_what_is_cancelled_before_it_ships_is_never_captured(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    await cancel(shipping, order_no)
    await shipping.reaches(order_no, "cancelled")
    assert money(shipping, order_no) == [("authorise", "succeeded", 2997), ("void", "succeeded", 2997)]


async def test_a_lost_answer_is_asked_for_and_nothing_is_captured_twice(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    shipping.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture"]


async def test_a_refused_capture_waits_for_support_about_its_fulfilment(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    shipping.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await part_says(shipping, order_no, 1, "picked_up")
    parked = await shipping.parked(order_no)
    assert (parked.step, parked.subject, parked.error) == ("capture", f"{order_no}-F1", "rejected")
    assert "compensate" not in parked.options
    await part_says(shipping, order_no, 2, "picked_up")
    await resolved(shipping, order_no, "retry")
    await captured(shipping, order_no, 1)
    await captured(shipping, order_no, 2)
    assert sum((await shares(shipping, order_no)).values()) == 2997
    refused = [status for kind, status, _ in money(shipping, order_no) if kind == "capture"]
    assert refused.count("failed") == 1


async def test_a_share_that_was_paid_otherwise_is_recorded_and_the_rest_is_released(shipping: Stage) -> None:
    order_no = await shipping.place("TEA", 2)
    await shipping.reaches(order_no, "preparing")
    shipping.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await shipping.carrier_says(order_no, "picked_up")
    await shipping.parked(order_no)
    await resolved(shipping, order_no, "skip", {"reference": "bank-1"})
    await eventually(lambda: ("void", "succeeded", 2000) in money(shipping, order_no))
    assert await shares(shipping, order_no) == {1: 2000}
