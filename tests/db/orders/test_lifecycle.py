"""An order's status moves by events alone, along the lifecycle alone, one number after the other."""

import asyncio
import itertools

import pytest

from domain.orders.status import TRANSITIONS, OrderEvent, Status
from domain.stock.movements import MovementKind
from tests.factories.raw_writes import EVENT, Desk, connect

# A way from the first status to each other one.
WAYS: dict[Status, list[tuple[Status, OrderEvent, Status]]] = {Status.RECEIVED: []}
while len(WAYS) < len(Status):
    for (_source, _event), _target in TRANSITIONS.items():
        if _source in WAYS and _target not in WAYS:
            WAYS[_target] = [*WAYS[_source], (_source, _event, _target)]


async def order_in(desk: Desk, status: Status) -> str:
    order_no = await desk.order()
    for source, event, target in WAYS[status]:
        await desk.event(order_no, event, source, target)
    return order_no


async def status_of(desk: Desk, order_no: str) -> tuple[str, int]:
    row = (await desk.rows("SELECT status, event_seq FROM orders WHERE order_no = %s", order_no))[0]
    return row[0], row[1]


async def test_the_tables_of_the_database_are_those_of_the_rules(desk: Desk) -> None:
    rows = await desk.rows("SELECT from_status, event, to_status FROM order_transitions")
    assert {(a, e): b for a, e, b in rows} == {(str(a), str(e)): str(b) for (a, e), b in TRANSITIONS.items()}
    assert {row[0] for row in await desk.rows("SELECT status FROM order_statuses")} == {str(s) for s in Status}


@pytest.mark.parametrize("source", Status)
async def test_every_illegal_step_is_refused(desk: Desk, source: Status) -> None:
    """Every event to every status, from an order that really stands there."""
    order_no = await order_in(desk, source)
    before = await status_of(desk, order_no)
    for event, target in itertools.product(OrderEvent, Status):
        if TRANSITIONS.get((source, event)) is not target:
            assert await desk.refused(EVENT, order_no, event, source, target) == "OM002"
    assert await status_of(desk, order_no) == before


@pytest.mark.parametrize("source", Status)
async def test_a_step_that_starts_elsewhere_is_refused(desk: Desk, source: Status) -> None:
    order_no = await order_in(desk, source)
    for (start, event), target in TRANSITIONS.items():
        if start is not source:
            assert await desk.refused(EVENT, order_no, event, start, target) == "OM002"


@pytest.mark.parametrize(("pair", "target"), list(TRANSITIONS.items()))
async def test_every_legal_step_is_taken(desk: Desk, pair: tuple[Status, OrderEvent], target: Status) -> None:
    order_no = await order_in(desk, pair[0])
    seq = (await status_of(desk, order_no))[1]
    await desk.event(order_no, pair[1], pair[0], target)
    assert await status_of(desk, order_no) == (target, seq + 1)


async def test_nobody_writes_a_status_or_a_number_of_events_directly(desk: Desk) -> None:
    order_no = await desk.order()
    for change in ("status = 'completed'", "event_seq = 7"):
        statement = f"UPDATE orders SET {change} WHERE order_no = %s"
        assert await desk.refused(statement, order_no, by_owner=True) == "OM003"
        assert await desk.refused(statement, order_no) == "42501"
    assert await status_of(desk, order_no) == ("received", 1)


@pytest.mark.parametrize("start", ["status => 'paid'", "event_seq => 5"])
async def test_an_order_begins_as_received(desk: Desk, start: str) -> None:
    name, value = start.split(" => ")
    statement = (
        f"INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
        f"province, city, ship_to_enc, placed_by, {name}) SELECT 'X-NEW', channel, type, customer_id, currency, "
        f"items_minor, total_minor, country, province, city, ship_to_enc, placed_by, {value} FROM orders LIMIT 1"
    )
    await desk.order()
    assert await desk.refused(statement) == "42501"
    assert await desk.refused(statement, by_owner=True) == "OM003"


async def test_no_order_is_without_its_first_event_and_its_start(desk: Desk) -> None:
    order_no = await desk.order()
    first = await desk.rows("SELECT seq, type, to_status FROM order_events WHERE order_no = %s", order_no)
    assert first == [(1, "order_placed", "received")]
    assert await desk.rows("SELECT kind FROM workflow_requests WHERE subject = %s", order_no) == [("start_order",)]
    assert await desk.rows("SELECT seq FROM outbox WHERE order_no = %s", order_no) == [(1,)]
    assert await desk.refused(EVENT, order_no, "order_placed", None, "received") == "23505"
    missing = (
        "SELECT count(*) FROM orders o WHERE NOT EXISTS (SELECT FROM order_events e WHERE e.order_no = o.order_no)"
    )
    assert await desk.one(missing) == 0


async def test_an_event_of_no_order_is_refused(desk: Desk) -> None:
    assert await desk.refused(EVENT, "nobody", "stock_released", None, None) == "OM002"


async def test_half_a_step_is_refused(desk: Desk) -> None:
    order_no = await desk.order()
    assert await desk.refused(EVENT, order_no, "stock_reserved", "received", None)
    assert await desk.refused(EVENT, order_no, "stock_reserved", None, "pending_payment")
    assert await status_of(desk, order_no) == ("received", 1)


async def test_events_number_themselves_without_gaps_however_many_write(desk: Desk) -> None:
    order_no = await desk.order()

    async def write(notes: int) -> None:
        connection = await connect(desk.books.app_url)
        async with connection:
            for turn in range(notes):
                # Every third one is rolled back: it must not leave a hole.
                async with connection.transaction(force_rollback=turn % 3 == 2):
                    await connection.execute(EVENT, (order_no, "payment_requested", None, None))

    await asyncio.gather(*(write(9) for _ in range(8)))
    numbers = [row[0] for row in await desk.rows("SELECT seq FROM order_events WHERE order_no = %s", order_no)]
    assert sorted(numbers) == list(range(1, 8 * 6 + 2))
    assert (await status_of(desk, order_no))[1] == len(numbers)
    assert await desk.one("SELECT count(*) FROM outbox WHERE order_no = %s", order_no) == len(numbers)


async def test_a_chosen_number_is_not_taken_at_its_word(desk: Desk) -> None:
    order_no = await desk.order()
    statement = "INSERT INTO order_events (order_no, seq, type, actor) VALUES (%s, 77, 'stock_short', 'test')"
    assert await desk.refused(statement, order_no) == "42501"
    await desk.rows(statement, order_no)
    assert await desk.one("SELECT max(seq) FROM order_events WHERE order_no = %s", order_no) == 2


async def test_one_event_per_effect(desk: Desk) -> None:
    order_no = await desk.order()
    statement = "INSERT INTO order_events (order_no, type, key, actor) VALUES (%s, 'stock_short', 'k', 'test')"
    await desk.app.execute(statement, (order_no,))
    assert await desk.refused(statement, order_no) == "23505"
    assert await status_of(desk, order_no) == ("received", 2)


async def test_cancelled_is_refused_while_stock_is_held(desk: Desk) -> None:
    order_no = await order_in(desk, Status.PENDING_PAYMENT)
    await desk.move_stock(MovementKind.RESERVE, 1, order_no=order_no)
    await desk.app.execute("INSERT INTO allocations VALUES (%s, 'TEA', 'WH-EAST', 1, 'reserved')", (order_no,))
    assert await desk.refused(EVENT, order_no, "order_cancelled", "pending_payment", "cancelled") == "OM005"
    await desk.app.execute("UPDATE allocations SET state = 'released' WHERE order_no = %s", (order_no,))
    await desk.event(order_no, "order_cancelled", "pending_payment", "cancelled")


async def test_cancelled_is_refused_while_money_is_not_returned(desk: Desk) -> None:
    order_no = await order_in(desk, Status.PAID)
    capture = await desk.paid_in(order_no, 1000)
    assert await desk.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await desk.payment(order_no, "refund", "succeeded", 999, parent=capture)
    assert await desk.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await desk.payment(order_no, "refund", "succeeded", 1, parent=capture)
    await desk.event(order_no, "order_cancelled", "paid", "cancelled")


async def test_a_refund_that_is_only_meant_returns_nothing(desk: Desk) -> None:
    order_no = await order_in(desk, Status.PAID)
    capture = await desk.paid_in(order_no, 1000)
    refund = await desk.payment(order_no, "refund", "intent", 1000, parent=capture)
    assert await desk.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await desk.app.execute("UPDATE payments SET status = 'failed' WHERE payment_id = %s", (refund,))
    assert await desk.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
