"""An order's status moves by events alone, along the lifecycle alone, one number after the other."""

import asyncio
import itertools

import pytest

from domain.orders.status import TRANSITIONS, OrderEvent, Status
from domain.stock.movements import MovementKind
from tests.factories.raw_writes import EVENT, DirectDatabase, connect

# A way from the first status to each other one.
WAYS: dict[Status, list[tuple[Status, OrderEvent, Status]]] = {Status.RECEIVED: []}
while len(WAYS) < len(Status):
    for (_source, _event), _target in TRANSITIONS.items():
        if _source in WAYS and _target not in WAYS:
            WAYS[_target] = [*WAYS[_source], (_source, _event, _target)]


async def order_in(db: DirectDatabase, status: Status) -> str:
    order_no = await db.order()
    for source, event, target in WAYS[status]:
        await db.event(order_no, event, source, target)
    return order_no


async def status_of(db: DirectDatabase, order_no: str) -> tuple[str, int]:
    row = (await db.rows("SELECT status, event_seq FROM orders WHERE order_no = %s", order_no))[0]
    return row[0], row[1]


async def test_the_tables_of_the_database_are_those_of_the_rules(db: DirectDatabase) -> None:
    rows = await db.rows("SELECT from_status, event, to_status FROM order_transitions")
    assert {(a, e): b for a, e, b in rows} == {(str(a), str(e)): str(b) for (a, e), b in TRANSITIONS.items()}
    assert {row[0] for row in await db.rows("SELECT status FROM order_statuses")} == {str(s) for s in Status}


@pytest.mark.parametrize("source", Status)
async def test_every_illegal_step_is_refused(db: DirectDatabase, source: Status) -> None:
    """Every event to every status, from an order that really stands there."""
    order_no = await order_in(db, source)
    before = await status_of(db, order_no)
    for event, target in itertools.product(OrderEvent, Status):
        if TRANSITIONS.get((source, event)) is not target:
            assert await db.refused(EVENT, order_no, event, source, target) == "OM002"
    assert await status_of(db, order_no) == before


@pytest.mark.parametrize("source", Status)
async def test_a_step_that_starts_elsewhere_is_refused(db: DirectDatabase, source: Status) -> None:
    order_no = await order_in(db, source)
    for (start, event), target in TRANSITIONS.items():
        if start is not source:
            assert await db.refused(EVENT, order_no, event, start, target) == "OM002"


# Payment on terms needs an order that has some: tests/workflows/payments/test_terms.py.
@pytest.mark.parametrize(
    ("pair", "target"), [step for step in TRANSITIONS.items() if step[0][1] is not OrderEvent.PAYMENT_ON_TERMS]
)
async def test_every_legal_step_is_taken(db: DirectDatabase, pair: tuple[Status, OrderEvent], target: Status) -> None:
    order_no = await order_in(db, pair[0])
    seq = (await status_of(db, order_no))[1]
    await db.event(order_no, pair[1], pair[0], target)
    assert await status_of(db, order_no) == (target, seq + 1)


async def test_nobody_writes_a_status_or_a_number_of_events_directly(db: DirectDatabase) -> None:
    order_no = await db.order()
    for change in ("status = 'completed'", "event_seq = 7"):
        statement = f"UPDATE orders SET {change} WHERE order_no = %s"
        assert await db.refused(statement, order_no, by_owner=True) == "OM003"
        assert await db.refused(statement, order_no) == "42501"
    assert await status_of(db, order_no) == ("received", 1)


@pytest.mark.parametrize("start", ["status => 'paid'", "event_seq => 5"])
async def test_an_order_begins_as_received(db: DirectDatabase, start: str) -> None:
    name, value = start.split(" => ")
    statement = (
        f"INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
        f"province, city, ship_to_enc, placed_by, {name}) SELECT 'X-NEW', channel, type, customer_id, currency, "
        f"items_minor, total_minor, country, province, city, ship_to_enc, placed_by, {value} FROM orders LIMIT 1"
    )
    await db.order()
    assert await db.refused(statement) == "42501"
    assert await db.refused(statement, by_owner=True) == "OM003"


async def test_no_order_is_without_its_first_event_and_its_start(db: DirectDatabase) -> None:
    order_no = await db.order()
    first = await db.rows("SELECT seq, type, to_status FROM order_events WHERE order_no = %s", order_no)
    assert first == [(1, "order_placed", "received")]
    assert await db.rows("SELECT kind FROM workflow_requests WHERE subject = %s", order_no) == [("start_order",)]
    assert await db.rows("SELECT seq FROM outbox WHERE order_no = %s", order_no) == [(1,)]
    assert await db.refused(EVENT, order_no, "order_placed", None, "received") == "23505"
    missing = (
        "SELECT count(*) FROM orders o WHERE NOT EXISTS (SELECT FROM order_events e WHERE e.order_no = o.order_no)"
    )
    assert await db.one(missing) == 0


async def test_an_event_of_no_order_is_refused(db: DirectDatabase) -> None:
    assert await db.refused(EVENT, "nobody", "stock_released", None, None) == "OM002"


async def test_half_a_step_is_refused(db: DirectDatabase) -> None:
    order_no = await db.order()
    assert await db.refused(EVENT, order_no, "stock_reserved", "received", None)
    assert await db.refused(EVENT, order_no, "stock_reserved", None, "pending_payment")
    assert await status_of(db, order_no) == ("received", 1)


async def test_events_number_themselves_without_gaps_however_many_write(db: DirectDatabase) -> None:
    order_no = await db.order()

    async def write(notes: int) -> None:
        connection = await connect(db.urls.app_url)
        async with connection:
            for turn in range(notes):
                # Every third one is rolled back: it must not leave a hole.
                async with connection.transaction(force_rollback=turn % 3 == 2):
                    await connection.execute(EVENT, (order_no, "payment_requested", None, None))

    await asyncio.gather(*(write(9) for _ in range(8)))
    numbers = [row[0] for row in await db.rows("SELECT seq FROM order_events WHERE order_no = %s", order_no)]
    assert sorted(numbers) == list(range(1, 8 * 6 + 2))
    assert (await status_of(db, order_no))[1] == len(numbers)
    assert await db.one("SELECT count(*) FROM outbox WHERE order_no = %s", order_no) == len(numbers)


async def test_a_chosen_number_is_not_taken_at_its_word(db: DirectDatabase) -> None:
    order_no = await db.order()
    statement = "INSERT INTO order_events (order_no, seq, type, actor) VALUES (%s, 77, 'stock_short', 'test')"
    assert await db.refused(statement, order_no) == "42501"
    await db.rows(statement, order_no)
    assert await db.one("SELECT max(seq) FROM order_events WHERE order_no = %s", order_no) == 2


async def test_one_event_per_effect(db: DirectDatabase) -> None:
    order_no = await db.order()
    statement = "INSERT INTO order_events (order_no, type, key, actor) VALUES (%s, 'stock_short', 'k', 'test')"
    await db.app.execute(statement, (order_no,))
    assert await db.refused(statement, order_no) == "23505"
    assert await status_of(db, order_no) == ("received", 2)


async def test_cancelled_is_refused_while_stock_is_held(db: DirectDatabase) -> None:
    order_no = await order_in(db, Status.PENDING_PAYMENT)
    await db.move_stock(MovementKind.RESERVE, 1, order_no=order_no)
    await db.app.execute("INSERT INTO allocations VALUES (%s, 'TEA', 'WH-EAST', 1, 'reserved')", (order_no,))
    assert await db.refused(EVENT, order_no, "order_cancelled", "pending_payment", "cancelled") == "OM005"
    await db.app.execute("UPDATE allocations SET state = 'released' WHERE order_no = %s", (order_no,))
    await db.event(order_no, "order_cancelled", "pending_payment", "cancelled")


async def test_cancelled_is_refused_while_money_is_not_returned(db: DirectDatabase) -> None:
    order_no = await order_in(db, Status.PAID)
    capture = await db.paid_in(order_no, 1000)
    assert await db.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await db.payment(order_no, "refund", "succeeded", 999, parent=capture)
    assert await db.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await db.payment(order_no, "refund", "succeeded", 1, parent=capture)
    await db.event(order_no, "order_cancelled", "paid", "cancelled")


async def test_a_refund_that_is_only_meant_returns_nothing(db: DirectDatabase) -> None:
    order_no = await order_in(db, Status.PAID)
    capture = await db.paid_in(order_no, 1000)
    refund = await db.payment(order_no, "refund", "intent", 1000, parent=capture)
    assert await db.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
    await db.app.execute("UPDATE payments SET status = 'failed' WHERE payment_id = %s", (refund,))
    assert await db.refused(EVENT, order_no, "order_cancelled", "paid", "cancelled") == "OM005"
