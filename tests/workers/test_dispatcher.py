"""Requests reach Temporal: each order started once, signalled in order, nothing lost while Temporal is away."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.workflow_starts import lazily_connected
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.messaging import workflow_requests
from infra.settings import Settings
from infra.stack.data_dir.ports import any_free
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import ask, database, place, settings_for, sql, until
from workers import dispatcher as dispatching
from workers.dispatcher import Dispatcher
from workflows import names
from workflows.payloads import StartJob, StartOrder


@workflow.defn(name=names.ORDER)
class Listener:
    """Stands for an order: keeps its signals, ends on request."""

    def __init__(self) -> None:
        self.received: list[Any] = []

    @workflow.run
    async def run(self, start: StartOrder) -> list[Any]:
        await workflow.wait_condition(lambda: "end" in self.received)
        return self.received

    @workflow.signal(name=names.PAYMENT_NOTIFIED)
    def signalled(self, payload: dict[str, Any]) -> None:
        self.received.append(payload["inbox_id"])


@workflow.defn(name=names.BULK_RESOLVE)
class Job:
    @workflow.run
    async def run(self, job: StartJob) -> float:
        return job.rate_per_s


@asynccontextmanager
async def dispatching_with(
    db: Database, settings: Settings, provider: Callable[[], Any], *, eager: bool = False, **more: Any
) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(db, provider, settings, eager, **more)
    task = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        await dispatcher.stop()
        await task


async def left(urls: DatabaseUrls) -> int:
    return (await sql(urls.app_url, "SELECT count(*) FROM workflow_requests"))[0][0]


def drained(urls: DatabaseUrls) -> Callable[[], Any]:
    async def empty() -> bool:
        return await left(urls) == 0

    return empty


@pytest.fixture
async def settings(database_url: DatabaseUrls, temporal: TemporalServer, request: pytest.FixtureRequest) -> Settings:
    await sql(database_url.app_url, "DELETE FROM workflow_requests")
    return settings_for(database_url, temporal_address=temporal.address, task_queue=request.node.name)


@pytest.fixture
async def client(settings: Settings) -> Client:
    return await Client.connect(settings.temporal_address)


@asynccontextmanager
async def listening(client: Client, settings: Settings) -> AsyncIterator[None]:
    async with Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[Listener, Job],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def test_an_order_is_started_with_what_people_see_in_a_list(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    order_no = await place(database_url, channel="pos", total_minor=123456, lines=3)
    async with database(settings) as db, dispatching_with(db, settings, lazily_connected(settings)):
        await until(drained(database_url))
    described = await client.get_workflow_handle(names.order_workflow(order_no)).describe()
    assert await described.static_summary() == f"{order_no} · pos · ¥1,234.56 · 3 lines"
    found = {pair.key.name: pair.value for pair in described.typed_search_attributes}
    assert (found["OmsStatus"], found["OmsChannel"]) == ("received", "pos")
    assert described.workflow_type == names.ORDER


async def test_two_dispatchers_start_each_order_once(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    orders = [await place(database_url) for _ in range(60)]
    starts: list[str] = []

    class Counting:
        async def start_workflow(self, *args: Any, **more: Any) -> Any:
            starts.append(more["id"])
            return await client.start_workflow(*args, **more)

    async def provide() -> Any:
        return Counting()

    async with (
        database(settings) as one,
        database(settings) as two,
        dispatching_with(one, settings, provide),
        dispatching_with(two, settings, provide),
    ):
        await until(drained(database_url))
    assert sorted(starts) == sorted(names.order_workflow(order_no) for order_no in orders)


async def test_a_request_of_a_later_version_waits_for_its_worker(
    database_url: DatabaseUrls, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sql(
        database_url.app_url,
        "INSERT INTO workflow_requests (kind, subject, name) VALUES ('signal_transfer', 'tr_late', 'transfer_changed')",
    )
    monkeypatch.setattr(dispatching, "KINDS", dispatching.KINDS - {"signal_transfer"})

    async def refused() -> bool:
        kept = await sql(database_url.app_url, "SELECT tries > 1, last_error FROM workflow_requests")
        return kept == [(True, "UnknownRequestKind")]

    async with database(settings) as db, dispatching_with(db, settings, lazily_connected(settings)):
        await until(refused)
        monkeypatch.undo()
        await until(drained(database_url))
    described = await client.get_workflow_handle(names.transfer_workflow("tr_late")).describe()
    assert described.workflow_type == names.TRANSFER


async def test_an_order_that_was_started_before_counts_as_done(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    order_no = await place(database_url)
    async with database(settings) as db, listening(client, settings):
        async with dispatching_with(db, settings, lazily_connected(settings)):
            await until(drained(database_url))
            handle = client.get_workflow_handle(names.order_workflow(order_no))
            run = (await handle.describe()).run_id
            await sql(
                database_url.app_url,
                "INSERT INTO workflow_requests (kind, subject) VALUES ('start_order', %s)",
                order_no,
            )
            await until(drained(database_url))
            await ask(database_url, order_no, names.PAYMENT_NOTIFIED, {"inbox_id": "end"})
            await handle.result()
            await sql(
                database_url.app_url,
                "INSERT INTO workflow_requests (kind, subject) VALUES ('start_order', %s)",
                order_no,
            )
            await until(drained(database_url))
        assert (await handle.describe()).run_id == run


async def test_signals_of_one_order_arrive_in_order_through_two_dispatchers(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    order_no = await place(database_url)
    for number in range(20):
        await ask(database_url, order_no, names.PAYMENT_NOTIFIED, {"inbox_id": number})
    await ask(database_url, order_no, names.PAYMENT_NOTIFIED, {"inbox_id": "end"})
    async with database(settings) as one, database(settings) as two, listening(client, settings):
        provider = lazily_connected(settings)
        async with dispatching_with(one, settings, provider), dispatching_with(two, settings, provider):
            await until(drained(database_url))
        received = await client.get_workflow_handle(names.order_workflow(order_no)).result()
    assert received == [*range(20), "end"]


async def test_a_signal_to_a_closed_order_begins_a_run_from_the_database(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    order_no = await place(database_url)
    async with (
        database(settings) as db,
        listening(client, settings),
        dispatching_with(db, settings, lazily_connected(settings)),
    ):
        handle = client.get_workflow_handle(names.order_workflow(order_no))
        for number in (1, 2):
            await ask(database_url, order_no, names.PAYMENT_NOTIFIED, {"inbox_id": number})
            await ask(database_url, order_no, names.PAYMENT_NOTIFIED, {"inbox_id": "end"})
            await until(drained(database_url))
            assert await handle.result() == [number, "end"]


async def test_a_job_is_started(database_url: DatabaseUrls, settings: Settings, client: Client) -> None:
    await sql(
        database_url.app_url,
        """INSERT INTO workflow_requests (kind, subject, payload) VALUES ('start_job', 'j-1', '{"rate_per_s": 2.5}')""",
    )
    async with database(settings) as db, listening(client, settings):
        async with dispatching_with(db, settings, lazily_connected(settings)):
            await until(drained(database_url))
        assert await client.get_workflow_handle(names.job_workflow("j-1")).result() == 2.5


async def test_eager_start_hands_the_first_task_over_at_once(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    order_no = await place(database_url)

    async def provide() -> Client:
        return client

    async with database(settings) as db, listening(client, settings):
        async with dispatching_with(db, settings, provide, eager=True):
            await until(drained(database_url))
        history = await client.get_workflow_handle(names.order_workflow(order_no)).fetch_history()
    assert history.events[0].workflow_execution_started_event_attributes.eager_execution_accepted


async def test_a_second_hand_that_finds_nothing_looks_less_and_less_often(
    database_url: DatabaseUrls, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    rest = Dispatcher._rest

    async def noted(self: Dispatcher, seconds: float) -> None:
        pauses.append(seconds)
        await rest(self, seconds)

    monkeypatch.setattr(Dispatcher, "_rest", noted)

    async def grown() -> bool:
        return len(pauses) >= 6

    async with (
        database(settings) as db,
        dispatching_with(db, settings, lazily_connected(settings), idle_s=0.25),
    ):
        await until(grown)
        assert pauses[:6] == [0.02, 0.04, 0.08, 0.16, 0.25, 0.25]
        await place(database_url)
        await until(drained(database_url))
    assert min(pauses[6:]) == 0.01


async def test_fresh_requests_are_left_to_others(database_url: DatabaseUrls, settings: Settings) -> None:
    order_no = await place(database_url)
    async with database(settings) as db, autocommit(db) as connection:
        assert await workflow_requests.settle_and_claim(connection, [], 10, min_age_s=60) == []
        claimed = await workflow_requests.settle_and_claim(connection, [], 10)
        assert [request.subject for request in claimed] == [order_no]
        assert await workflow_requests.settle_and_claim(connection, [], 10) == []
        await workflow_requests.release(connection, [(claimed[0].request_id, "temporal_unavailable", 0.0)])
        again = await workflow_requests.settle_and_claim(connection, [], 10, min_age_s=60)
        assert [(request.subject, request.tries) for request in again] == [(order_no, 2)]


async def test_a_request_that_temporal_refuses_stays_with_its_reason(
    database_url: DatabaseUrls, settings: Settings
) -> None:
    order_no = await place(database_url)

    async def provide() -> Any:
        class Refusing:
            async def start_workflow(self, *_: Any, **__: Any) -> None:
                raise ValueError("no")

        return Refusing()

    async def reported() -> bool:
        rows = await sql(database_url.app_url, "SELECT subject, last_error, tries FROM workflow_requests")
        return bool(rows) and rows[0][:2] == (order_no, "ValueError") and rows[0][2] >= 2

    async with database(settings) as db, dispatching_with(db, settings, provide):
        await until(reported)


async def test_nothing_is_lost_while_temporal_is_down(database_url: DatabaseUrls, tmp_path: Path) -> None:
    await sql(database_url.app_url, "DELETE FROM workflow_requests")
    server = TemporalServer(db=tmp_path / "temporal.db", port=any_free(set()), log=tmp_path / "temporal.log")
    settings = settings_for(database_url, temporal_address=server.address)
    async with database(settings) as db, dispatching_with(db, settings, lazily_connected(settings)):
        before = [await place(database_url) for _ in range(5)]

        async def tried() -> bool:
            return bool(await sql(database_url.app_url, "SELECT 1 FROM workflow_requests WHERE last_error IS NOT NULL"))

        await until(tried)
        assert await left(database_url) == 5
        async with server.running():
            await until(drained(database_url))
            assert await running(server, before)
        between = [await place(database_url) for _ in range(5)]
        await until(tried)
        async with server.running():
            await until(drained(database_url))
            assert await running(server, before + between)


async def running(server: TemporalServer, orders: list[str]) -> bool:
    client = await Client.connect(server.address)
    handles = [client.get_workflow_handle(names.order_workflow(order_no)) for order_no in orders]
    described = await asyncio.gather(*(handle.describe() for handle in handles))
    return all(one.workflow_type == names.ORDER for one in described)


async def test_the_database_being_away_does_not_end_it(database_url: DatabaseUrls, settings: Settings) -> None:
    async with database(settings) as db, dispatching_with(db, settings, lazily_connected(settings)):
        await sql(
            database_url.owner_url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'oms_app'",
        )
        await place(database_url)
        await until(drained(database_url))
