"""A bulk act resolves each order once, at its rate, through restarts, refusals and a stop."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.support import bulk_jobs
from activities.support.bulk_jobs import BulkJobActivities
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.support import parked_steps
from infra.settings import Settings
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import database, place, settings_for, sql, until, vault
from workflows import names
from workflows.payloads import JobSlice, ResolveRequest, StartJob, StartOrder, UpdateAnswer
from workflows.support.bulk_resolve import BulkResolveWorkflow


@workflow.defn(name=names.ORDER)
class Patient:
    """Stands for a parked order: takes any resolution but a skip, whose answer it keeps back on `amend`."""

    @workflow.run
    async def run(self, start: StartOrder) -> None:
        await workflow.wait_condition(lambda: False)

    @workflow.update(name=names.RESOLVE)
    async def resolve(self, request: ResolveRequest) -> UpdateAnswer:
        if request.action == "amend":
            await workflow.wait_condition(lambda: False)
        return UpdateAnswer(request.order_no, "paid", "resolved")

    @resolve.validator
    def check(self, request: ResolveRequest) -> None:
        if request.action == "skip":
            raise ApplicationError("not_parked", type="not_parked", non_retryable=True)


ENDED: set[str] = set()
WEDGED: set[str] = set()


@workflow.defn(name=names.ORDER)
class Wedged(Patient):
    """Stands for orders of which some run into a bug: their task fails again and again."""

    @workflow.run
    async def run(self, start: StartOrder) -> None:
        if start.order_no in WEDGED:
            raise RuntimeError("a bug")
        await workflow.wait_condition(lambda: False)


@workflow.defn(name=names.ORDER)
class Brief:
    """Stands for an order that comes to its end soon after it was resolved; another run finds nothing parked."""

    def __init__(self) -> None:
        self.order_no = ""

    @workflow.run
    async def run(self, start: StartOrder) -> None:
        await workflow.wait_condition(lambda: self.order_no != "" or start.order_no in ENDED)

    @workflow.update(name=names.RESOLVE)
    async def resolve(self, request: ResolveRequest) -> UpdateAnswer:
        self.order_no = request.order_no
        ENDED.add(request.order_no)
        return UpdateAnswer(request.order_no, "paid", "resolved")

    @resolve.validator
    def check(self, request: ResolveRequest) -> None:
        if request.order_no in ENDED:
            raise ApplicationError("not_parked", type="not_parked", non_retryable=True)


@pytest.fixture
async def settings(database_url: DatabaseUrls, temporal: TemporalServer) -> Settings:
    return settings_for(
        database_url, temporal_address=temporal.address, task_queue=f"bulk-{uuid.uuid4().hex[:6]}", workflow_timeout_s=2
    )


@pytest.fixture
async def client(settings: Settings) -> Client:
    return await Client.connect(settings.temporal_address)


@asynccontextmanager
async def working(
    client: Client, db: Database, settings: Settings, order: type[Patient] | type[Brief] | type[Wedged] = Patient
) -> AsyncIterator[None]:
    slices = BulkJobActivities(db, vault(), client, settings)
    async with Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[order, BulkResolveWorkflow],
        activities=[slices.resolve_slice],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        yield


async def stuck(urls: DatabaseUrls, number: int) -> list[str]:
    """Orders that are parked at the booking step."""
    await sql(urls.app_url, "UPDATE parked_steps SET resolved_at = now()")
    orders = [await place(urls) for _ in range(number)]
    for order_no in orders:
        await sql(
            urls.app_url,
            """INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)
               VALUES (%s, 1, 'book', 'down', 5, '{retry,skip,amend}', 1, now())""",
            order_no,
        )
    return orders


async def open_job(db: Database, action: str, rate_per_s: float, value: object = None, step: str = "book") -> str:
    """A job as the front door writes it."""
    job_id = f"job_{uuid.uuid4().hex}"
    async with db.begin() as connection:
        await parked_steps.open_job(
            connection,
            KeyRing(vault()),
            job_id,
            chosen={"step": step, "error": None, "provider": None},
            action=action,
            actor="support:anna",
            reason="carrier is back",
            value=value,
            rate_per_s=rate_per_s,
            trace=None,
            limit_minor=100_000,
        )
    return job_id


async def start(client: Client, settings: Settings, job_id: str, rate_per_s: float) -> WorkflowHandle[object, None]:
    return await client.start_workflow(
        names.BULK_RESOLVE,
        StartJob(job_id, rate_per_s),
        id=names.job_workflow(job_id),
        task_queue=settings.task_queue,
        result_type=type(None),
    )


async def progress(db: Database, job_id: str) -> tuple[str, int, int]:
    async with db.begin() as connection:
        found = await parked_steps.progress(connection, job_id)
    return found.state, found.done, found.failed


async def test_every_order_is_resolved_at_the_rate(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    orders = await stuck(database_url, 6)
    async with database(settings) as db, working(client, db, settings):
        job_id = await open_job(db, "retry", 10.0, value={"tracking_no": "秘密 1"})
        begun = monotonic()
        await (await start(client, settings, job_id, 10.0)).result()
        assert monotonic() - begun >= 0.5
        assert await progress(db, job_id) == ("finished", 6, 0)
    rows = await sql(
        database_url.app_url,
        """SELECT order_no, resolution_id, action, actor, reason_enc, value_enc, data_key
             FROM resolutions JOIN orders USING (order_no) JOIN customers USING (customer_id) ORDER BY order_no""",
    )
    assert [row[0] for row in rows] == orders
    for order_no, resolution_id, action, actor, reason, value, key in rows:
        assert (resolution_id, action, actor) == (f"{job_id}:{order_no}", "retry", "support:anna")
        plain = vault().unwrap(key)
        assert vault().open_json(plain, reason, f"{resolution_id}:reason") == "carrier is back"
        assert vault().open_json(plain, value, f"{resolution_id}:value") == {"tracking_no": "秘密 1"}
    history = await client.get_workflow_handle(names.order_workflow(orders[0])).fetch_history()
    assert "秘密" not in history.to_json()
    assert "carrier is back" not in history.to_json()


async def test_temporals_cancellation_does_not_end_a_bulk_act(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    """It comes before the first task, so that it finds every part of the act still to be done."""
    await stuck(database_url, 2)
    async with database(settings) as db:
        job_id = await open_job(db, "retry", 10.0)
        handle = await start(client, settings, job_id, 10.0)
        await handle.cancel()
        async with working(client, db, settings):
            await handle.result()
        assert await progress(db, job_id) == ("finished", 2, 0)


async def test_a_refusal_is_noted_with_its_code(database_url: DatabaseUrls, settings: Settings, client: Client) -> None:
    await stuck(database_url, 2)
    async with database(settings) as db, working(client, db, settings):
        job_id = await open_job(db, "skip", 100.0)
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 0, 2)
    errors = await sql(database_url.app_url, "SELECT error FROM support_job_items WHERE job_id = %s", job_id)
    assert errors == [("not_parked",), ("not_parked",)]


async def test_a_step_of_a_held_order_is_not_skipped(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    held, free = await stuck(database_url, 2)
    await sql(
        database_url.app_url,
        "INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc, escalate_at,"
        " until) VALUES (%s, 1, 'manual', '{received}', 'support', 'release', 'support:ann', '',"
        " now() + interval '1 h', now() + interval '2 h')",
        held,
    )
    async with database(settings) as db, working(client, db, settings, Brief):
        job_id = await open_job(db, "skip", 100.0)
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 1, 1)
    errors = await sql(
        database_url.app_url, "SELECT order_no, error FROM support_job_items WHERE job_id = %s ORDER BY error", job_id
    )
    assert errors == [(held, "order_is_held"), (free, None)]


async def test_money_given_since_a_bulk_act_was_opened_counts(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    """Of one order 700.00 more were given meanwhile: it needs an approver now. The act on the other goes on."""
    expensive, other = await stuck(database_url, 2)
    moving = "UPDATE parked_steps SET step = 'capture', amount_minor = 90000 WHERE order_no = ANY(%s)"
    await sql(database_url.owner_url, moving, [expensive, other])
    async with database(settings) as db, working(client, db, settings, Brief):
        job_id = await open_job(db, "skip", 100.0, value={"reference": "bank 1"}, step="capture")
        await sql(
            database_url.app_url,
            "INSERT INTO staff_actions (act_id, order_no, action, detail, actor, reason_enc, moved_minor)"
            " VALUES (%s, %s, 'parcel', 'refund', 'support:ben', '', 70000)",
            f"act_{expensive}",
            expensive,
        )
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 1, 1)
    items = await sql(database_url.app_url, "SELECT order_no, error FROM support_job_items WHERE job_id = %s", job_id)
    assert dict(items) == {expensive: "second_person_needed", other: None}
    assert not await sql(database_url.app_url, "SELECT 1 FROM resolutions WHERE order_no = %s", expensive)


async def test_an_order_that_has_moved_on_to_another_step_is_left_alone(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    moved, freed, same = await stuck(database_url, 3)
    async with database(settings) as db, working(client, db, settings):
        job_id = await open_job(db, "retry", 100.0)
        await sql(database_url.app_url, "UPDATE parked_steps SET resolved_at = now() WHERE order_no <> %s", same)
        await sql(
            database_url.app_url,
            "INSERT INTO parked_steps (order_no, park_no, step, error, attempts, options, amount_minor, escalate_at)"
            " VALUES (%s, 2, 'refund', 'rejected', 1, '{retry,skip}', 1, now())",
            moved,
        )
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 1, 2)
    items = await sql(database_url.app_url, "SELECT order_no, error FROM support_job_items WHERE job_id = %s", job_id)
    assert dict(items) == {moved: "step_moved_on", freed: "not_parked", same: None}
    rows = await sql(database_url.app_url, "SELECT order_no, park_no FROM resolutions WHERE resolution_id LIKE %s",
                     f"{job_id}%")  # fmt: skip
    assert [tuple(row) for row in rows] == [(same, 1)]


async def test_an_act_that_is_accepted_but_takes_long_is_done(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    await stuck(database_url, 2)
    settings = settings.model_copy(update={"workflow_timeout_s": 0.3})
    async with database(settings) as db, working(client, db, settings):
        job_id = await open_job(db, "amend", 100.0)
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 2, 0)


async def test_an_order_whose_workflow_is_wedged_fails_after_some_tries_and_the_act_finishes(
    database_url: DatabaseUrls, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "FAILING_TRIES", 2)
    monkeypatch.setattr(bulk_jobs, "SLOW_TRIES", 100)
    wedged, *others = await stuck(database_url, 4)
    WEDGED.add(wedged)
    settings = settings.model_copy(update={"workflow_timeout_s": 0.3})
    async with database(settings) as db, working(client, db, settings, Wedged):
        job_id = await open_job(db, "retry", 100.0)
        await (await start(client, settings, job_id, 100.0)).result()
        assert await progress(db, job_id) == ("finished", 3, 1)
    items = await sql(database_url.app_url, "SELECT order_no, error FROM support_job_items WHERE job_id = %s", job_id)
    assert dict(items) == {wedged: "workflow_failing", **dict.fromkeys(others)}


async def test_a_stopped_job_stops_and_a_worker_that_dies_is_followed_by_another(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    orders = await stuck(database_url, 10)

    def some(db: Database, job_id: str, number: int) -> Callable[[], Awaitable[bool]]:
        async def reached() -> bool:
            return (await progress(db, job_id))[1] >= number

        return reached

    async with database(settings) as db:
        job_id = await open_job(db, "retry", 2.0)
        handle = await start(client, settings, job_id, 2.0)
        async with working(client, db, settings):
            await until(some(db, job_id, 1))
        done = (await progress(db, job_id))[1]
        assert done < len(orders)
        async with working(client, db, settings):
            await until(some(db, job_id, done + 1))
            async with db.begin() as connection:
                await parked_steps.stop_job(connection, job_id, "support:amy")
            await handle.result()
            assert (await progress(db, job_id))[0] == "stopped"
    rows = await sql(database_url.app_url, "SELECT count(*) FROM resolutions WHERE resolution_id LIKE %s", job_id + "%")
    assert rows[0][0] < len(orders), "stopped before the next order, not after the page"


async def test_orders_that_are_due_far_apart_do_not_let_the_act_seem_dead(
    database_url: DatabaseUrls, settings: Settings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "BEAT_S", 0.05)
    await stuck(database_url, 2)
    beats: list[tuple[object, ...]] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details)
    async with database(settings) as db, working(client, db, settings):
        job_id = await open_job(db, "retry", 2.0)
        slices = BulkJobActivities(db, vault(), client, settings)
        done: JobSlice = await environment.run(slices.resolve_slice, StartJob(job_id, 2.0))
    assert (done.done, done.left) == (2, 0)
    assert len(beats) > 10, "half a second each, shown alive every twentieth"


async def test_an_order_that_took_it_and_ended_before_the_worker_died_is_done_not_refused(
    database_url: DatabaseUrls, settings: Settings, client: Client
) -> None:
    (order_no,) = await stuck(database_url, 1)
    async with database(settings) as db, working(client, db, settings, Brief):
        job_id = await open_job(db, "retry", 10.0)
        slices, environment = BulkJobActivities(db, vault(), client, settings), ActivityEnvironment()
        await environment.run(slices.resolve_slice, StartJob(job_id, 10.0))
        await client.get_workflow_handle(names.order_workflow(order_no)).result()
        # What a worker leaves behind that dies between the order's answer and the note of it.
        await sql(database_url.app_url, "UPDATE support_job_items SET state = 'open' WHERE job_id = %s", job_id)
        await sql(database_url.app_url, "UPDATE support_jobs SET state = 'running' WHERE job_id = %s", job_id)
        resolved = "UPDATE parked_steps SET resolved_at = now(), resolution_id = %s WHERE order_no = %s"
        await sql(database_url.app_url, resolved, f"{job_id}:{order_no}", order_no)
        await environment.run(slices.resolve_slice, StartJob(job_id, 10.0))
        assert await progress(db, job_id) == ("finished", 1, 0)


async def test_an_unknown_job_ends(settings: Settings, client: Client) -> None:
    async with database(settings) as db, working(client, db, settings):
        with pytest.raises(Exception, match="failed"):
            await (await start(client, settings, "job_none", 1.0)).result()
