"""A network that drops connections without a word, and a database that stands still: nobody waits for ever."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from api.routes.system import health
from infra.db import connection_watch, engine
from infra.db.autocommit import autocommit
from infra.db.connection_watch import Working
from infra.db.engine import Database, PoolExhausted
from infra.stack.postgres.postgres_server import PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from infra.system import heartbeat
from infra.system.heartbeat import Heartbeat
from infra.system.watchdog import Pulse
from tests.api.conftest import ApiClient, an_order, open_api
from tests.conftest import DatabaseUrls
from tests.faults.driver import basket, stocked
from tests.faults.driver import place as place_there
from tests.faults.silence import Proxy, frozen, proxied
from tests.faults.stackrun import TORTURE, StackRun, until
from tests.order_stage import staged
from tests.workers.stored_orders import settings_for, sql

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600 if TORTURE else 180)]

# So that a test takes no longer than it must. A busy machine is never taken for a frozen database: that is asked for.
QUICK = {"db_silence_s": 0.3, "db_answer_s": 60.0}
# Where connections are dropped again and again, the watch's own question may be lost: after this long it asks again.
DROPPING = QUICK | {"db_answer_s": 3.0}
PATIENCE_S = 60.0
_ONE, _LATE = text("SELECT 1"), text("SELECT pg_sleep(1.5), 1")


@asynccontextmanager
async def behind(postgres: PostgresServer, urls: DatabaseUrls) -> AsyncIterator[tuple[Proxy, DatabaseUrls]]:
    """The same books by way of a proxy."""
    async with proxied(postgres.port) as proxy:
        there = urls.app_url.replace(f":{postgres.port}/", f":{proxy.port}/")
        yield proxy, DatabaseUrls(owner_url=urls.owner_url, app_url=there)


@asynccontextmanager
async def connected(
    urls: DatabaseUrls, connections: int = 3, limits: Mapping[str, float] = QUICK
) -> AsyncIterator[Database]:
    """A pool with so many connections, all made."""
    database = Database.from_settings(settings_for(urls, db_pool_size=connections, **limits))
    try:
        opened = [await database.connection() for _ in range(connections)]
        for connection in opened:
            await connection.execute(_ONE)
            await connection.close()
        yield database
    finally:
        await database.close()


@contextmanager
def impatient(database: Database) -> Iterator[None]:
    """For as long as it is frozen, a database that does not answer soon counts as such."""
    database.watch._answer_s = 0.5
    try:
        yield
    finally:
        database.watch._answer_s = QUICK["db_answer_s"]


async def test_a_connection_that_was_dropped_without_a_word_is_given_up_and_made_again(
    postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    async with behind(postgres, database_url) as (proxy, there), connected(there) as database:
        proxy.drop()
        failed = 0
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    async with database.begin() as connection:
                        await connection.execute(_ONE)
                    break
                except OperationalError as error:
                    assert error.connection_invalidated
                    failed += 1
        assert 1 <= failed <= 3, "once for each at most: those that are as old go with the first"
        assert not database.watch.frozen


async def test_an_answer_that_is_lost_ends_the_wait_although_the_statement_ran(
    postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    await sql(database_url.owner_url, "CREATE TABLE heard (word text); GRANT ALL ON heard TO oms_app")
    async with behind(postgres, database_url) as (proxy, there), connected(there, 1) as database:
        proxy.drop_answers()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OperationalError):
                async with autocommit(database) as connection:
                    await connection.execute(text("INSERT INTO heard VALUES ('yes')"))
    assert await sql(database_url.owner_url, "SELECT word FROM heard") == [("yes",)]


async def test_a_transaction_that_is_cut_off_gives_its_locks_back(
    postgres: PostgresServer, database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    # PostgreSQL would end it on its own after a while; here nobody does but who found out that it is lost.
    monkeypatch.setattr(engine, "_SESSION", " -c idle_in_transaction_session_timeout=0")
    await sql(
        database_url.owner_url, "CREATE TABLE rows (n int); INSERT INTO rows VALUES (1); GRANT ALL ON rows TO oms_app"
    )
    lock = text("SELECT n FROM rows FOR UPDATE")
    async with behind(postgres, database_url) as (proxy, there), connected(there, 1) as database:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OperationalError):
                async with database.begin() as connection:
                    await connection.execute(lock)
                    proxy.drop()
                    await connection.execute(_ONE)
            async with database.begin() as connection:
                await connection.execute(lock)


async def test_a_statement_that_takes_its_time_is_let_be(postgres: PostgresServer, database_url: DatabaseUrls) -> None:
    await sql(
        database_url.owner_url,
        "CREATE TABLE taken (n int); INSERT INTO taken VALUES (1); GRANT ALL ON taken TO oms_app",
    )
    lock = text("SELECT n FROM taken FOR UPDATE")
    async with connected(database_url) as database:
        async with database.begin() as first:
            await first.execute(lock)
            waits = asyncio.create_task(_run(database, lock))
            assert (await first.execute(_LATE)).one()[1] == 1  # five times as long as what is looked after
            assert not waits.done()
        async with asyncio.timeout(PATIENCE_S):
            await waits


async def _run(database: Database, statement: object) -> None:
    async with database.begin() as connection:
        await connection.execute(statement)  # type: ignore[call-overload]


async def test_a_frozen_database_is_answered_with_503_while_it_is_frozen(
    postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    async with open_api(database_url, db_pool_size=3, **QUICK) as api:
        await api.sql("INSERT INTO products (sku, name, price_minor, currency) VALUES ('TEA-1', 'Tea', 1200, 'CNY')")
        support = api.as_("support")
        assert (await support.post("/v1/orders", an_order())).status_code == 201
        with impatient(api.app.state.services.database), frozen(postgres.data):
            async with asyncio.timeout(PATIENCE_S):
                response = [support.post("/v1/orders", an_order()) for _ in range(5)]
                response += [api.get("/readyz"), support.get("/v1/orders")]
                for answer in await asyncio.gather(*response):
                    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True), answer.text
                    assert answer.json()["code"] in ("database_unavailable", "busy")
        await taken(api)


async def test_readiness_answers_within_its_limit_whatever_the_database_does(
    postgres: PostgresServer, database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "READY_TIMEOUT_S", 0.2)
    async with open_api(database_url, db_silence_s=100.0, db_answer_s=100.0) as api:
        with frozen(postgres.data):
            async with asyncio.timeout(PATIENCE_S):  # sooner than the connection is given up
                answer = await api.get("/readyz")
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")


async def taken(api: ApiClient) -> None:
    """The same door takes an order again, without having been started again."""
    async with asyncio.timeout(PATIENCE_S):
        while (await api.as_("support").post("/v1/orders", an_order())).status_code != 201:
            await asyncio.sleep(0.1)


async def test_a_frozen_database_is_asked_nothing_new_until_it_answers(
    postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    async with connected(database_url) as database:
        with impatient(database), frozen(postgres.data):
            async with asyncio.timeout(PATIENCE_S):
                with pytest.raises(OperationalError):
                    await _run(database, _ONE)
                assert database.watch.frozen
                with pytest.raises(OperationalError):  # at once: nothing is waited for
                    await database.connection()
        async with asyncio.timeout(PATIENCE_S):
            while database.watch.frozen:
                await asyncio.sleep(0.05)
            await _run(database, _ONE)


async def test_orders_go_on_although_the_network_drops_every_connection_of_the_worker(
    postgres: PostgresServer, database_url: DatabaseUrls, temporal: TemporalServer, tmp_path: Path
) -> None:
    async with (
        behind(postgres, database_url) as (proxy, there),
        staged(there, temporal.address, tmp_path, **DROPPING) as stage,
    ):
        await stage.stock("TEA", 100)
        orders: list[str] = []
        for _ in range(3):
            orders += [await stage.place() for _ in range(3)]
            await stage.reaches(orders[-3], "preparing", PATIENCE_S)
            proxy.drop()
        for order_no in orders:
            await stage.reaches(order_no, "preparing", PATIENCE_S)
            assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]
        assert await stage.sql("SELECT step FROM parked_steps WHERE order_no = ANY(:all)", all=orders) == []


async def test_a_pool_that_gives_nothing_back_is_silence_and_a_busy_one_is_not(
    database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(Heartbeat):
        tries = 0

        async def beat(self) -> None:
            self.tries += 1
            await super().beat()

    pulse = Pulse()
    monkeypatch.setattr(heartbeat, "PULSE", pulse)
    configured = settings_for(database_url, db_pool_size=1, db_pool_timeout_s=0.05)
    database = Database.from_settings(configured)
    taken_by_another = await database.connection()
    heart = Counted(database, "api", configured, beat_s=0.01)
    pulse.beat("heartbeat")
    pulse.tick()
    beating = asyncio.create_task(heart.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while heart.tries < 4:
                await asyncio.sleep(0.01)
            assert pulse.silent_s == 1
            while pulse.silent_s:
                await taken_by_another.execute(_ONE)
                await asyncio.sleep(0.01)
    finally:
        beating.cancel()
        await asyncio.wait({beating})
        await taken_by_another.close()
        await database.close()


@pytest.mark.skipif(not TORTURE, reason="make torture only")
@pytest.mark.parametrize("name", ["worker", "api", "relay", "sandbox", "temporal", "postgres"])
async def test_a_process_that_hangs_is_started_again_and_orders_go_on(stack: StackRun, name: str) -> None:
    sku = await stocked(stack, 100)
    before = stack.pid(name)
    with frozen(stack.data_dir / "postgres") if name == "postgres" else stack.suspended(name):
        await until(lambda: stack.pid(name) != before, f"{name} is started again")
    await stack.reaches(await place_there(stack, basket(sku)), "completed")


async def test_a_question_that_is_lost_itself_is_asked_again(
    postgres: PostgresServer, database_url: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    requested, reported = 0, connection_watch._read_working

    async def lost_once(conninfo: str, pids: Sequence[int], question: str) -> Working | None:
        nonlocal requested
        requested += 1
        if requested == 1:
            await asyncio.Event().wait()
        return await reported(conninfo, pids, question)

    async with behind(postgres, database_url) as (proxy, there), connected(there, 1, DROPPING) as database:
        monkeypatch.setattr(connection_watch, "_read_working", lost_once)
        proxy.drop()
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(OperationalError):
                await _run(database, _ONE)
            while database.watch.frozen:
                await asyncio.sleep(0.05)
            await _run(database, _ONE)


async def test_a_pool_whose_connections_are_all_waited_on_is_free_again(
    postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    async with behind(postgres, database_url) as (proxy, there), connected(there) as database:
        proxy.drop()
        crowd = [asyncio.create_task(_run(database, _ONE)) for _ in range(12)]
        async with asyncio.timeout(PATIENCE_S):
            outcomes = await asyncio.gather(*crowd, return_exceptions=True)
            await _run(database, _ONE)
        assert all(error is None or isinstance(error, OperationalError | PoolExhausted) for error in outcomes)
