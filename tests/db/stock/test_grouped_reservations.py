"""Orders that are reserved together: none of them notices the others."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import psycopg
import pytest
from temporalio.exceptions import ApplicationError

from activities.orders import grouped_reservations as groups
from activities.orders.lifecycle import OrderActivities
from infra.db.engine import Database
from infra.db.stock import grouped_reservations
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.factories.raw_writes import DirectDatabase, connect
from workflows.payloads import OrderRef, OrderView

RESERVED = "pending_payment"


@pytest.fixture
async def database(database_url: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings_for(database_url))
    yield opened
    await opened.close()


@pytest.fixture
def orders(database: Database, database_url: DatabaseUrls) -> OrderActivities:
    return OrderActivities(database, settings_for(database_url))


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many orders each transaction of a group reserved."""
    found, reserve = list[int](), grouped_reservations.reserve_all

    async def reserved(conn: object, wanted: Sequence[grouped_reservations.Wanted]) -> None:
        await reserve(conn, wanted)  # type: ignore[arg-type]
        found.append(len({one.order_no for one in wanted}))

    monkeypatch.setattr(grouped_reservations, "reserve_all", reserved)
    return found


async def stocked(db: DirectDatabase, units: int) -> str:
    sku = f"G-{secrets.token_hex(4)}"
    await db.stock(sku, units)
    return sku


async def placed(db: DirectDatabase, sku: str, count: int, quantity: int = 1) -> list[str]:
    return [await db.order(1000, quantity, sku) for _ in range(count)]


async def reserve(orders: OrderActivities, numbers: Sequence[str]) -> list[OrderView]:
    return await asyncio.gather(*(orders.reserve_stock(OrderRef(number)) for number in numbers))


async def held(db: DirectDatabase, sku: str) -> tuple[int, int, int]:
    """Units reserved by the level, by allocations and by movements."""
    statement = """
        SELECT (SELECT sum(reserved) FROM stock_levels WHERE sku = %s),
               (SELECT coalesce(sum(quantity), 0) FROM allocations WHERE sku = %s AND state = 'reserved'),
               (SELECT coalesce(sum(reserved_delta), 0) FROM stock_movements WHERE sku = %s)"""
    level, allocated, moved = (await db.rows(statement, sku, sku, sku))[0]
    return int(level), int(allocated), int(moved)


async def test_orders_that_arrive_together_share_a_transaction(
    db: DirectDatabase, orders: OrderActivities, sizes: list[int]
) -> None:
    sku = await stocked(db, 100)
    numbers = await placed(db, sku, 40)
    views = await reserve(orders, numbers)
    assert [view.order_no for view in views] == numbers
    assert {view.status for view in views} == {RESERVED}
    assert sum(sizes) == 40
    assert len(sizes) <= 3
    assert await held(db, sku) == (40, 40, 40)


async def test_an_order_that_comes_alone_gets_what_a_reservation_of_its_own_gives(
    db: DirectDatabase, orders: OrderActivities
) -> None:
    sku = await stocked(db, 2)
    together, alone = await placed(db, sku, 2)
    shared, own = await orders.reserve_stock(OrderRef(together)), await orders.reserve_alone(alone)
    written = [await everything(db, number) for number in (together, alone)]
    assert written[0] == written[1]
    assert replace(shared, order_no="", deadline="") == replace(own, order_no="", deadline="")


async def everything(db: DirectDatabase, number: str) -> list[list[tuple[object, ...]]]:
    """What a reservation writes, without numbers and times."""
    statements = (
        "SELECT status, event_seq, warehouse, waiting - 'until' FROM orders WHERE order_no = %s",
        "SELECT seq, type, from_status, to_status, key, data #- '{waiting,until}' #- '{promised_to}', actor"
        " FROM order_events WHERE order_no = %s ORDER BY seq",
        "SELECT sku, warehouse, quantity, state, fulfilment_no FROM allocations WHERE order_no = %s",
        "SELECT replace(idempotency_key, order_no, ''), kind, sku, warehouse, quantity, reserved_delta, actor"
        " FROM stock_movements WHERE order_no = %s",
        "SELECT number, warehouse, status, promised_to IS NULL FROM fulfilments WHERE order_no = %s",
        "SELECT number, line_no, quantity FROM fulfilment_lines WHERE order_no = %s",
        "SELECT seq FROM outbox WHERE order_no = %s ORDER BY seq",
        "SELECT actor, action, before, after, reference FROM audit_log WHERE order_no = %s ORDER BY order_count",
    )
    return [await db.rows(statement, number) for statement in statements]


async def test_five_hundred_buyers_of_a_hundred_units_get_exactly_a_hundred(
    db: DirectDatabase, database_url: DatabaseUrls
) -> None:
    """From two workers; everybody else learns that it is sold out."""
    sku = await stocked(db, 100)
    async with db.app.transaction():
        numbers = await placed(db, sku, 500)
    databases = [Database.from_settings(settings_for(database_url)) for _ in range(2)]
    workers = [OrderActivities(database, settings_for(database_url)) for database in databases]

    async def buy(number: str, worker: OrderActivities) -> OrderView:
        while True:  # as Temporal tries again
            try:
                return await worker.reserve_stock(OrderRef(number))
            except ApplicationError as error:
                assert error.type in ("stock_contended", "database_busy"), error

    views = await asyncio.gather(*(buy(number, workers[n % 2]) for n, number in enumerate(numbers)))
    for database in databases:
        await database.close()
    assert Counter((view.status, view.cancelling) for view in views) == {
        (RESERVED, ""): 100,
        ("received", "out_of_stock"): 400,
    }
    assert await held(db, sku) == (100, 100, 100)


async def test_the_units_that_are_left_go_to_who_waits_longest(
    db: DirectDatabase, orders: OrderActivities, sizes: list[int]
) -> None:
    """In one transaction: who gets nothing does not undo the others."""
    sku = await stocked(db, 5)
    numbers = [
        *(await placed(db, sku, 2, quantity=2)),
        *(await placed(db, sku, 1, quantity=3)),
        *(await placed(db, sku, 1)),
    ]
    views = await reserve(orders, numbers)
    assert [view.status for view in views] == [RESERVED, RESERVED, "received", RESERVED]
    assert sizes == [3]


async def test_what_only_one_order_is_refused_fails_no_other(db: DirectDatabase, orders: OrderActivities) -> None:
    """One whose key is taken breaks the statement of all; each then has its own outcome."""
    sku = await stocked(db, 100)
    numbers = await placed(db, sku, 10)
    broken = numbers[4]
    await db.rows(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " actor) VALUES (%s, 'adjustment', %s, 'WH-EAST', 1, 1, 0, 'test')", f"{broken}/reserve/1/{sku}", sku,
    )  # fmt: skip
    outcomes = await asyncio.gather(
        *(orders.reserve_stock(OrderRef(number)) for number in numbers), return_exceptions=True
    )
    failed = [number for number, outcome in zip(numbers, outcomes, strict=True) if isinstance(outcome, BaseException)]
    assert failed == [broken]
    assert await held(db, sku) == (9, 9, 9)


async def test_an_order_that_somebody_works_on_delays_no_other(db: DirectDatabase, orders: OrderActivities) -> None:
    sku = await stocked(db, 100)
    *numbers, busy = await placed(db, sku, 5)
    connection = await connect(db.urls.app_url)
    async with connection, connection.transaction():
        await connection.execute("SELECT FROM orders WHERE order_no = %s FOR UPDATE", (busy,))
        late = asyncio.create_task(orders.reserve_stock(OrderRef(busy)))
        assert {view.status for view in await reserve(orders, numbers)} == {RESERVED}
        assert not late.done()
    assert (await late).status == RESERVED


async def test_a_level_that_somebody_holds_delays_only_who_wants_it(
    db: DirectDatabase, orders: OrderActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grouped_reservations, "PATIENCE", "20ms")
    wanted, other = await stocked(db, 10), await stocked(db, 10)
    first, second = (await placed(db, wanted, 1))[0], (await placed(db, other, 1))[0]
    connection = await connect(db.urls.owner_url)
    async with connection, connection.transaction():
        await connection.execute("SELECT FROM stock_levels WHERE sku = %s FOR UPDATE", (wanted,))
        late = asyncio.create_task(orders.reserve_stock(OrderRef(first)))
        assert (await orders.reserve_stock(OrderRef(second))).status == RESERVED
        assert not late.done()
    assert (await late).status == RESERVED


async def test_an_order_is_reserved_once_however_often_it_is_asked_for(
    db: DirectDatabase, orders: OrderActivities
) -> None:
    sku = await stocked(db, 100)
    numbers = await placed(db, sku, 5)
    views = await reserve(orders, [*numbers, *numbers, *numbers])
    assert {view.status for view in views} == {RESERVED}
    assert await held(db, sku) == (5, 5, 5)


async def test_who_leaves_is_reserved_all_the_same_or_not_at_all(db: DirectDatabase, orders: OrderActivities) -> None:
    """An activity that is cancelled: its order asks again, and holds its units once."""
    sku = await stocked(db, 100)
    numbers = await placed(db, sku, 20)
    tasks = [asyncio.create_task(orders.reserve_stock(OrderRef(number))) for number in numbers]
    for task in tasks:
        task.add_done_callback(lambda _: None)
    while not any(task.done() for task in tasks):
        for task in tasks[::3]:
            task.cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks, return_exceptions=True)
    assert {view.status for view in await reserve(orders, numbers)} == {RESERVED}
    assert await held(db, sku) == (20, 20, 20)


async def test_a_lost_answer_is_looked_up(
    db: DirectDatabase, database: Database, orders: OrderActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection ends after the commit, or before it: nobody is reserved twice, nobody is forgotten."""
    reserved = groups.GroupedReservations._reserved
    kept = iter((True, False))

    async def lost(self: groups.GroupedReservations, numbers: Sequence[str]) -> dict[str, OrderView]:
        if next(kept, False):
            await reserved(self, numbers)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(groups.GroupedReservations, "_reserved", lost)
    for _ in range(2):
        sku = await stocked(db, 100)
        numbers = await placed(db, sku, 6)
        assert {view.status for view in await reserve(orders, numbers)} == {RESERVED}
        assert await held(db, sku) == (6, 6, 6)


async def test_a_statement_that_takes_too_long_fails_all_and_is_not_repeated(
    db: DirectDatabase, orders: OrderActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await stocked(db, 100)
    numbers = await placed(db, sku, 4)
    alone = list[str]()

    async def slow(conn: groups.Connection, _: object) -> set[str]:
        await conn.exec_driver_sql("SET LOCAL statement_timeout = '20ms'")
        await conn.exec_driver_sql("SELECT pg_sleep(60)")
        return set()

    async def noted(order_no: str) -> OrderView:
        alone.append(order_no)
        raise AssertionError(order_no)

    monkeypatch.setattr(grouped_reservations, "lock_received", slow)
    monkeypatch.setattr(orders, "reserve_alone", noted)
    outcomes = await asyncio.gather(
        *(orders.reserve_stock(OrderRef(number)) for number in numbers), return_exceptions=True
    )
    assert [getattr(outcome, "type", None) for outcome in outcomes] == ["database_57014"] * 4
    assert not alone
