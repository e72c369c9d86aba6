"""An order ships what is there; the rest is a planned part that ships when its stock arrives."""

import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError

from domain.errors import Conflict
from domain.orders.backorder_choices import BackorderChoice
from infra.db.orders.state import timeline
from infra.db.stock import planned_parts
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.holds import hold, release
from tests.order_stage import Stage, eventually, staged
from tests.workflows.shipping.test_fulfilments import reach
from tests.workflows.split_orders import arrive, booked, decide, fulfilments, part_says, partly, pay, second_warehouse
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("planned")) as opened:
        await second_warehouse(opened)
        yield opened


async def test_what_is_there_ships_and_the_rest_follows_when_it_arrives(stage: Stage) -> None:
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    assert [(part.number, part.status, part.lines) for part in await fulfilments(stage, order_no)] == [
        (1, "booked", [[1, 2]]),
        (2, "planned", [[1, 3]]),
    ]
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await reach(stage, order_no, "delivered", "planned")
    assert await stage.status(order_no) == "preparing"
    (waits,) = await stage.sql("SELECT waiting ->> 'what' AS what FROM orders WHERE order_no = :o", o=order_no)
    assert waits.what == "backorder"
    await arrive(stage, sku, 2)
    await arrive(stage, sku, 1)
    await booked(stage, order_no, 2)
    await part_says(stage, order_no, 2, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]
    assert await stage.handle(order_no).result() == "completed"


async def test_the_rest_is_sent_by_another_warehouse_or_by_several_together(stage: Stage) -> None:
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    await arrive(stage, sku, 1)
    await arrive(stage, sku, 2, "WH-SOUTH")
    await reach(stage, order_no, "booked", "booked", "booked")
    assert sorted((part.warehouse, part.lines) for part in await fulfilments(stage, order_no)) == [
        ("WH-EAST", [[1, 1]]), ("WH-EAST", [[1, 2]]), ("WH-SOUTH", [[1, 2]]),
    ]  # fmt: skip
    for number in (1, 2, 3):
        await part_says(stage, order_no, number, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def test_an_order_of_which_nothing_is_there_waits_for_its_first_units(stage: Stage) -> None:
    order_no, sku = await partly(stage, there=1, wanted=2)
    await eventually(lambda: stage.sql("SELECT 1 FROM fulfilments WHERE order_no = :o AND number = 2", o=order_no))
    waiting = await stage.place(sku, 2, backorder=True, ship_complete=False)
    await eventually(
        lambda: stage.sql("SELECT 1 FROM order_events WHERE order_no = :o AND type = 'stock_short'", o=waiting)
    )
    assert await stage.status(waiting) == "received"
    await arrive(stage, sku, 1)
    await reach(stage, order_no, "booked", "booked")
    assert await stage.status(waiting) == "received"
    await arrive(stage, sku, 1)
    await reach(stage, waiting, "booked", "planned")


async def refunded(stage: Stage, order_no: str) -> list[int]:
    rows = await stage.sql("SELECT amount_minor FROM refunds WHERE order_no = :o AND status = 'succeeded'", o=order_no)
    return [row.amount_minor for row in rows]


async def whole(stage: Stage, order_no: str) -> None:
    """Nothing of the order is lost: its stock, and every unit of its lines."""
    (open_units,) = await stage.sql(
        "SELECT count(*) AS n FROM reservations WHERE order_no = :o AND state = 'reserved'", o=order_no
    )
    assert open_units.n == 0


async def test_the_missing_items_are_cancelled_and_refunded_while_the_rest_goes_on(stage: Stage) -> None:
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    price = (await stage.sql("SELECT price_minor FROM products WHERE sku = :s", s=sku))[0].price_minor
    await decide(stage, order_no, BackorderChoice.CANCEL)
    await eventually(lambda: refunded(stage, order_no))
    assert await refunded(stage, order_no) == [3 * price]
    await arrive(stage, sku, 9)
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    assert [part.status for part in await fulfilments(stage, order_no)] == ["delivered", "cancelled"]
    await whole(stage, order_no)
    with pytest.raises(Conflict, match="no_backorder"):
        await decide(stage, order_no, BackorderChoice.CANCEL)


async def test_the_order_ends_delivered_when_the_missing_items_are_cancelled_last(stage: Stage) -> None:
    order_no, _ = await partly(stage)
    await booked(stage, order_no, 1)
    await part_says(stage, order_no, 1, "picked_up", "delivered")
    await reach(stage, order_no, "delivered", "planned")
    await decide(stage, order_no, BackorderChoice.WAIT)
    assert await stage.status(order_no) == "preparing"
    await decide(stage, order_no, BackorderChoice.CANCEL)
    await stage.reaches(order_no, "completed")
    assert len(await eventually(lambda: refunded(stage, order_no))) == 1


async def test_a_cancelled_order_cancels_what_it_waits_for(stage: Stage) -> None:
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    await stage.handle(order_no).execute_update(
        names.CANCEL, m.CancelRequest(order_no, "customer_request", "customer:c")
    )
    await stage.reaches(order_no, "cancelled")
    assert [part.status for part in await fulfilments(stage, order_no)] == ["cancelled", "cancelled"]
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")
    await arrive(stage, sku, 9)
    await whole(stage, order_no)


async def test_an_order_that_waits_as_a_whole_is_cancelled_by_the_choice(stage: Stage) -> None:
    sku = f"NONE-{secrets.token_hex(4)}"
    await stage.stock(sku, 1)
    order_no = await stage.place(sku, 2, backorder=True)
    await eventually(
        lambda: stage.sql("SELECT 1 FROM order_events WHERE order_no = :o AND type = 'stock_short'", o=order_no)
    )
    await decide(stage, order_no, BackorderChoice.CANCEL)
    await stage.reaches(order_no, "cancelled")


async def test_what_never_comes_is_cancelled_at_its_deadline(stage: Stage) -> None:
    order_no, _ = await partly(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    await stage.sql(
        "UPDATE fulfilments SET due_at = now() + interval '1 second' WHERE order_no = :o AND number = 2", o=order_no
    )
    await pay(stage, order_no)
    await reach(stage, order_no, "booked", "cancelled")
    await eventually(lambda: refunded(stage, order_no))
    assert "backorder_cancelled" in await stage.events(order_no)


async def test_a_hold_before_the_parcels_keeps_the_rest_from_being_reserved(stage: Stage) -> None:
    order_no, sku = await partly(stage, token=None)
    await stage.reaches(order_no, "pending_payment")
    hold_no = await hold(stage, order_no, "address")
    await pay(stage, order_no)
    await stage.reaches(order_no, "paid")
    await arrive(stage, sku, 3)
    async with stage.database.begin() as conn:
        assert await planned_parts.may_reserve(conn, order_no, await timeline.lock_order(conn, order_no)) == 0
    assert [part.status for part in await fulfilments(stage, order_no)] == ["reserved", "planned"]
    await release(stage, order_no, hold_no)
    await reach(stage, order_no, "booked", "booked")


async def test_the_units_of_a_line_are_what_was_ordered(stage: Stage) -> None:
    """Refused at the end of the transaction: a unit that is lost, one that is sent twice, stock of a planned part."""
    order_no, sku = await partly(stage)
    await booked(stage, order_no, 1)
    lose = "UPDATE fulfilment_lines SET quantity = quantity - 1 WHERE order_no = :o AND number = 2"
    twice = "UPDATE fulfilment_lines SET quantity = quantity + 1 WHERE order_no = :o AND number = 1"
    gone = "DELETE FROM fulfilment_lines WHERE order_no = :o AND number = 2"
    off = "UPDATE order_lines SET cancelled_quantity = 1 WHERE order_no = :o"
    early = (
        "INSERT INTO reservations (order_no, sku, warehouse, fulfilment_no, quantity, state)"
        f" SELECT :o, '{sku}', 'WH-EAST', 2, 1, 'reserved'"
    )
    for statement in (lose, twice, gone, off, early):
        with pytest.raises(DBAPIError, match=r"fulfilments of a line|planned fulfilment"):
            await stage.sql(statement, o=order_no)
