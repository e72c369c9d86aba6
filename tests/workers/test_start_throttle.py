"""Orders begin only as fast as those before them come to rest: urgent ones first, then the oldest."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.workflow_starts import lazily_connected
from domain.orders.priority import RANKS, Priority
from infra.db.autocommit import autocommit
from infra.db.orders.state import in_flight
from infra.db.orders.state.in_flight import Standing
from infra.settings import Settings
from infra.stack.temporal.temporal_server import TemporalServer
from infra.system import doctor
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import ask, damage, database, move, place, settings_for, sql, until
from tests.workers.test_dispatcher import dispatching_with
from workers import start_throttle
from workers.relay.main import IN_FLIGHT
from workers.start_throttle import StartThrottle
from workflows import names

WITHIN_S = 60.0


@pytest.fixture
async def settings(database_url: DatabaseUrls, temporal: TemporalServer, request: pytest.FixtureRequest) -> Settings:
    """Three at a time. No worker listens, so an order that began comes to rest only when the database is moved."""
    await sql(database_url.app_url, "DELETE FROM workflow_requests")
    queue = request.node.name
    return settings_for(database_url, temporal_address=temporal.address, task_queue=queue, orders_in_flight=3)


async def waiting(urls: DatabaseUrls) -> list[str]:
    """The orders that have not begun, by their age."""
    rows = await sql(
        urls.app_url, "SELECT subject FROM workflow_requests WHERE kind = 'start_order' ORDER BY request_id"
    )
    return [row[0] for row in rows]


def left(urls: DatabaseUrls, *orders: str) -> Callable[[], Any]:
    async def just_these() -> bool:
        return await waiting(urls) == list(orders)

    return just_these


async def settle(urls: DatabaseUrls, order_no: str) -> None:
    """It waits for the customer's money."""
    await move(urls, order_no, "stock_reserved", "received", "pending_payment")


@asynccontextmanager
async def braked(urls: DatabaseUrls, settings: Settings, **more: Any) -> AsyncIterator[None]:
    async with database(settings) as opened, dispatching_with(opened, settings, lazily_connected(settings), **more):
        yield


async def has_begun(settings: Settings, order_no: str) -> bool:
    client = await Client.connect(settings.temporal_address)
    try:
        await client.get_workflow_handle(names.order_workflow(order_no)).describe()
    except RPCError:
        return False
    return True


async def test_no_more_orders_begin_than_come_to_rest_and_the_oldest_is_next(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    orders = [await place(database_url) for _ in range(6)]
    async with braked(database_url, settings):
        await until(left(database_url, *orders[3:]), WITHIN_S)
        # Events of an order that began pass by those that wait: then the limit was checked again, too.
        for number in range(3):
            await ask(database_url, orders[0], names.PAYMENT_NOTIFIED, {"inbox_id": number})

            async def received() -> bool:
                return not await sql(
                    database_url.app_url, "SELECT 1 FROM workflow_requests WHERE kind <> 'start_order'"
                )

            await until(received, WITHIN_S)
        assert await waiting(database_url) == orders[3:]
        await settle(database_url, orders[1])
        await until(left(database_url, *orders[4:]), WITHIN_S)
        assert await has_begun(settings, orders[3])
        urgent = await place(database_url, priority=RANKS[Priority.URGENT])
        await until(left(database_url, *orders[4:], urgent), WITHIN_S)
        await settle(database_url, orders[0])
        await until(left(database_url, *orders[4:]), WITHIN_S)
        assert await has_begun(settings, urgent)


async def test_an_urgent_order_begins_before_a_backlog_of_hours(database_url: DatabaseUrls, settings: Settings) -> None:
    """Not only before what came in the ten minutes of its head start elsewhere."""
    old = [await place(database_url) for _ in range(4)]
    await sql(database_url.app_url, "UPDATE workflow_requests SET rank = rank - 6 * 3600 WHERE subject = ANY(%s)", old)
    urgent = await place(database_url, priority=RANKS[Priority.URGENT])
    async with braked(database_url, settings, in_flight=1):
        await until(left(database_url, *old), WITHIN_S)
        await settle(database_url, urgent)
        await until(left(database_url, *old[1:]), WITHIN_S)


async def test_a_second_hand_begins_but_few_of_those_that_wait(database_url: DatabaseUrls, settings: Settings) -> None:
    """The relay is there for workers that do not begin orders, not to bypass their limit."""
    assert Settings().orders_in_flight / 10 > IN_FLIGHT
    orders = [await place(database_url) for _ in range(4)]
    async with braked(database_url, settings), braked(database_url, settings, in_flight=1):
        await until(
            left(
                database_url,
            ),
            WITHIN_S,
        )
        assert all([await has_begun(settings, order_no) for order_no in orders])


async def test_what_temporal_does_not_take_is_not_in_flight(database_url: DatabaseUrls, settings: Settings) -> None:
    """Otherwise an outage would leave no room for those that wait for its end."""
    orders = [await place(database_url) for _ in range(5)]
    refused: set[str] = set()

    class Refusing:
        async def start_workflow(self, *_: Any, **more: Any) -> None:
            refused.add(more["id"])
            raise ValueError("no")

    async def provide() -> Any:
        return Refusing()

    async def all_tried() -> bool:
        return len(refused) == len(orders)

    async with database(settings) as db, dispatching_with(db, settings, provide):
        await until(all_tried, WITHIN_S)


async def request_payment(urls: DatabaseUrls, order_no: str) -> None:
    await sql(
        urls.owner_url,
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)"
        " VALUES (%s, %s, 1, 'sandbox', 'tok_ok', 'test')",
        f"{order_no}/1",
        order_no,
    )


async def authorised(urls: DatabaseUrls, order_no: str, capture: str | None) -> None:
    """`capture` None: the provider decides the authorisation later; else the status of the capture after it."""
    if capture is None:
        await sql(
            urls.app_url,
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, idempotency_key, status)"
            " VALUES (%s, 'authorise', 1, 'sandbox', 1200, 'CNY', %s, 'pending')",
            order_no,
            f"{order_no}/authorise/1",
        )
        return
    await sql(
        urls.app_url,
        "WITH a AS (INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency,"
        "  idempotency_key, status, provider_ref)"
        "  VALUES (%s, 'authorise', 1, 'sandbox', 1200, 'CNY', %s, 'succeeded', %s) RETURNING *)"
        " INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, idempotency_key, status,"
        "  parent_id) SELECT order_no, 'capture', 1, provider, 1200, 'CNY', order_no || '/capture/1', %s,"
        "  payment_id FROM a",
        order_no, f"{order_no}/authorise/1", f"ref-{order_no}", capture,
    )  # fmt: skip


async def test_at_rest_is_what_waits_for_somebody_else(database_url: DatabaseUrls, settings: Settings) -> None:
    new, unpaid, paying, retrying, parked, over, decided, taken, refused, taking = [
        await place(database_url) for _ in range(10)
    ]
    requested = (paying, retrying, parked, decided, taken, refused, taking)
    for order_no in (unpaid, *requested):
        await settle(database_url, order_no)
    for order_no in requested:
        await request_payment(database_url, order_no)
    await sql(
        database_url.app_url,
        "INSERT INTO retrying_steps (order_no, activity, step, error, attempt, max_attempts, event_seq, next_try_at)"
        " SELECT order_no, 'authorise_payment', 'authorise', 'timeout', 1, 5, event_seq, now() FROM orders"
        " WHERE order_no = %s",
        retrying,
    )
    await sql(
        database_url.app_url,
        "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
        " VALUES (%s, 1, 'authorise', 'timeout', 5, '{retry}', 1200, now())",
        parked,
    )
    for order_no, capture in ((decided, None), (taken, "pending"), (refused, "failed"), (taking, "intent")):
        await authorised(database_url, order_no, capture)
    await move(database_url, over, "order_cancelled", "received", "cancelled")
    async with database(settings) as db, autocommit(db) as connection:
        orders = [new, unpaid, paying, retrying, parked, over, decided, taken, refused, taking, "O-NONE"]
        found = await in_flight.standing(connection, orders)
    busy = dict.fromkeys((new, paying, taking), Standing.BUSY)
    assert found == {**busy, retrying: Standing.RETRYING}
    await sql(database_url.app_url, "DELETE FROM retrying_steps WHERE order_no = %s", retrying)
    await sql(database_url.app_url, "UPDATE parked_steps SET resolved_at = now() WHERE order_no = %s", parked)


def test_in_flight_stays_below_the_cache() -> None:
    """What waits for a provider between two tries takes no room from others, but its place in the cache."""
    assert StartThrottle(400, 1800).room == 400
    assert StartThrottle(5000, 1800).room == 1440
    assert StartThrottle(400, 0).room == 400
    held = StartThrottle(10, 20)
    held.began(str(number) for number in range(14))
    held._retrying = 12
    assert held.room == 2  # 16 of 20 places, 14 taken; 2 of 10 busy
    held.failed("0")
    assert held.room == 3


async def test_a_paid_order_whose_provider_decides_on_the_difference_of_a_change_is_at_rest(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    requested, pending = [await place(database_url) for _ in range(2)]
    await damage(
        database_url.owner_url,
        f"UPDATE orders SET status = 'paid' WHERE order_no IN ('{requested}', '{pending}')",
        *(
            "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
            "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) VALUES "
            f"('{order_no}', 1, 1, 'c', '{{lines}}', '[]', '[]', 'WH-EAST', 1, 6, 5, 'CNY', 'sandbox', 't', now())"
            for order_no in (requested, pending)
        ),
        *(
            "INSERT INTO payments (order_no, kind, purpose, attempt, change_payment_no, provider, amount_minor, "
            f"currency, status, idempotency_key) VALUES ('{order_no}', 'authorise', 'supplement', 0, 1, "
            f"'sandbox', 5, 'CNY', '{state}', 'difference {order_no}')"
            for order_no, state in ((requested, "intent"), (pending, "pending"))
        ),
    )
    async with database(settings) as db, autocommit(db) as connection:
        assert await in_flight.standing(connection, [requested, pending]) == {requested: Standing.BUSY}


async def test_an_order_that_is_wedged_holds_nobody_up_for_ever(
    database_url: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    wedged = await place(database_url)
    held = StartThrottle(1, 0)
    held.began([wedged])
    async with database(settings) as db, autocommit(db) as connection:
        await held.poll(connection, 1)
        assert held.room == 0
        monkeypatch.setattr(start_throttle, "POLL_S", 0.0)
        late = monotonic() + start_throttle.LONGEST_S
        monkeypatch.setattr(start_throttle, "monotonic", lambda: late + 1)
        await held.poll(connection, 1)
        assert held.room == 1


async def test_doctor_tells_how_many_wait_and_since_when(database_url: DatabaseUrls, settings: Settings) -> None:
    assert (await doctor._backlog(settings)).detail == "no order waits to be started"
    await place(database_url)
    await sql(database_url.owner_url, "UPDATE workflow_requests SET created_at = now() - interval '90 seconds'")
    found = await doctor._backlog(settings)
    text = re.fullmatch(r"waiting to be started: 1 order, the oldest for (\d+) s", found.detail)
    assert found.ok and text and int(text[1]) >= 90
    full = await doctor._backlog(settings.model_copy(update={"backlog_limit": 1}))
    assert not full.ok and "OMS_BACKLOG_LIMIT" in full.detail
    await sql(database_url.app_url, "DELETE FROM workflow_requests")
