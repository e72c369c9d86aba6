"""The harder chapters of an order's story: lost runs, resets, an unreachable database, late outcomes."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.payments.order_payments import PaymentActivities
from infra.gateways.registry import build_payments
from infra.stack.data_dir.ports import any_free
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal import temporal_server
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls, as_owner, create_database
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel, held, pay_directly
from tests.workflows.scenarios import delivered, noted, pay_again, resolved, update_with_start
from workers import master_key_gate
from workflows import names
from workflows import payloads as m

PAID_ONCE = [("authorise", "succeeded"), ("capture", "succeeded")]


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("patient")) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def happened_once(stage: Stage, order_no: str) -> None:
    """No effect twice: not at the providers, not in stock, not on the timeline."""
    assert stage.payments(order_no) == PAID_ONCE
    assert [status for status in stage.parcels(order_no) if status != "cancelled"] == stage.parcels(order_no)
    assert len(stage.parcels(order_no)) == 1
    events = await stage.events(order_no)
    assert len(events) == len(set(events)), events
    rows = await stage.sql("SELECT count(*) FROM stock_movements WHERE order_no = :o AND kind = 'reserve'", o=order_no)
    assert rows[0][0] == 1


async def test_a_worker_without_the_master_key_of_its_database_rests_and_its_orders_go_on_later(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restore of another installation's database, until it is exchanged again: no step sticks by it."""
    monkeypatch.setattr(master_key_gate, "AGAIN_AFTER", timedelta(seconds=0.1))
    stage.condition.lacks([b"anothers"])
    try:
        order_no = await stage.place()

        async def failing() -> set[str]:
            described = await stage.handle(order_no).describe()
            pending = described.raw_description.pending_activities
            return {one.last_failure.application_failure_info.type for one in pending if one.attempt > 1}

        async def begun() -> bool:
            try:
                return await failing() == {"master_key_unknown"}
            except RPCError:  # it is not begun yet
                return False

        await eventually(begun, 60)
        assert (await stage.status(order_no), stage.payments(order_no)) == ("received", [])
    finally:
        stage.condition.lacks([])
    await stage.reaches(order_no, "preparing", 60)
    assert await stage.sql("SELECT FROM parked_steps WHERE order_no = :o", o=order_no) == []
    await delivered(stage, order_no)
    await happened_once(stage, order_no)


# ── loss and reset ───────────────────────────────────────────────────────────────────────────────────────────


async def start_again(stage: Stage, order_no: str) -> None:
    """Begin a run from the database, unless a signal that was on its way has begun one."""
    await stage.client.start_workflow(
        names.ORDER,
        m.StartOrder(order_no),
        id=names.order_workflow(order_no),
        task_queue=stage.settings.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
    )


async def test_a_lost_run_goes_on_from_its_step(stage: Stage) -> None:
    """Terminated at every step in turn; each new run begins from the database."""
    order_no = await stage.place()
    steps = [("preparing", "picked_up"), ("shipped", "delivered")]
    for status, fact in steps:
        await stage.reaches(order_no, status)
        await stage.handle(order_no).terminate("lost")
        await start_again(stage, order_no)
        await stage.carrier_says(order_no, fact)
    await stage.reaches(order_no, "completed")
    await happened_once(stage, order_no)


async def test_a_lost_run_that_was_parked_is_parked_again_and_can_be_resolved(stage: Stage) -> None:
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).terminate("lost")
    await start_again(stage, order_no)
    await resolved(stage, order_no, "retry")
    await delivered(stage, order_no)
    assert await stage.sql("SELECT count(*) FROM parked_steps WHERE order_no = :o", o=order_no) == [(1,)]


async def test_a_lost_run_that_was_being_undone_is_undone(stage: Stage) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await cancel(stage, order_no)
    await stage.parked(order_no)
    await stage.handle(order_no).terminate("lost")
    await update_with_start(
        stage, order_no, names.RESOLVE, m.ResolveRequest(order_no, await stage.resolution(order_no, "retry"), "retry")
    )
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no)[-1] == ("refund", "succeeded")
    assert await held(stage, order_no) == 0


async def reset(stage: Stage, order_no: str, task: int = 0) -> None:
    """Reset the newest run to its workflow task number `task` (-1: the newest), once there is one."""

    async def tasks() -> list[Any]:
        history = await stage.handle(order_no).fetch_history()
        done = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
        return done if len(done) > max(task, 0) else []

    done = await eventually(tasks)
    await stage.client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace="default",
            workflow_execution=WorkflowExecution(workflow_id=names.order_workflow(order_no)),
            reason="test",
            workflow_task_finish_event_id=done[task].event_id,
            request_id=secrets.token_hex(8),
        )
    )


@pytest.mark.parametrize("task", [0, 1, 2, -1])
async def test_a_reset_makes_nothing_happen_twice(stage: Stage, task: int) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await reset(stage, order_no, task)
    await delivered(stage, order_no)
    await happened_once(stage, order_no)
    assert await stage.handle(order_no).result() == "completed"


async def test_a_reset_after_a_cancellation_cancels_nothing_twice(stage: Stage) -> None:
    """The reapplied update meets an order that is being undone already, or is."""
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await cancel(stage, order_no)
    assert await stage.handle(order_no).result() == "cancelled"
    events = await stage.events(order_no)
    await reset(stage, order_no)
    assert await stage.handle(order_no).result() == "cancelled"
    assert await stage.events(order_no) == events
    assert stage.payments(order_no) == [*PAID_ONCE, ("refund", "succeeded")]


async def test_a_reset_after_a_second_payment_pays_nothing_twice(stage: Stage) -> None:
    order_no = await stage.place(token="tok_decline")
    await noted(stage, order_no, "payment_declined")
    await pay_again(stage, order_no)
    await stage.reaches(order_no, "preparing")
    await reset(stage, order_no)
    await delivered(stage, order_no)
    assert stage.payments(order_no) == [("authorise", "failed"), *PAID_ONCE]


async def test_a_long_story_goes_on_in_a_new_run(
    postgres: PostgresServer,
    database_template: str,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a Temporal that suggests it early, and books that no other stage serves."""
    await create_database(postgres, "long_story", database_template)
    urls = DatabaseUrls(postgres.url(SUPERUSER, "long_story"), postgres.url(APP, "long_story"))
    early = {**temporal_server.DYNAMIC_CONFIG, "limit.historyCount.suggestContinueAsNew": "40"}
    monkeypatch.setattr(temporal_server, "DYNAMIC_CONFIG", early)
    folder: Path = tmp_path_factory.mktemp("early")
    server = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=folder / "temporal.log")
    async with server.running(), staged(urls, server.address, folder) as stage:
        await stage.stock("TEA", 10)
        order_no = await stage.place(token=None)
        await stage.reaches(order_no, "pending_payment")
        first = (await stage.handle(order_no).describe()).run_id
        assert first

        async def renewed() -> bool:
            await stage.handle(order_no).signal(names.PAYMENT_NOTIFIED)
            return (await stage.handle(order_no).describe()).run_id != first

        await eventually(renewed)
        ended = await stage.client.get_workflow_handle(names.order_workflow(order_no), run_id=first).describe()
        assert ended.status is WorkflowExecutionStatus.CONTINUED_AS_NEW
        assert (await pay_again(stage, order_no)).outcome == "captured"
        await delivered(stage, order_no)
        assert stage.payments(order_no) == PAID_ONCE
        assert (await stage.events(order_no)).count("stock_reserved") == 1


# ── an unreachable database ──────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def unreachable_database(stage: Stage, postgres: PostgresServer, urls: DatabaseUrls) -> AsyncIterator[None]:
    """Nobody but the owner gets into this database, and whoever is in is thrown out."""
    name = sql.Identifier(str(make_url(urls.app_url).database))
    public = sql.SQL("{} CONNECT ON DATABASE {} {} PUBLIC")
    await as_owner(postgres, public.format(sql.SQL("REVOKE"), name, sql.SQL("FROM")))
    try:
        await stage.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE usename = :u AND datname = current_database()",
            u=APP,
        )
        yield
    finally:
        await as_owner(postgres, public.format(sql.SQL("GRANT"), name, sql.SQL("TO")))


async def pending_activities(stage: Stage, order_no: str) -> list[tuple[str, int]]:
    described = await stage.handle(order_no).describe()
    return [(found.activity_type.name, found.attempt) for found in described.raw_description.pending_activities]


async def test_a_step_of_the_database_waits_where_it_can_be_seen(
    stage: Stage, postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    async with unreachable_database(stage, postgres, database_url):
        await stage.handle(order_no).signal(names.PAYMENT_NOTIFIED)

        async def observed() -> bool:
            return [name for name, _ in await pending_activities(stage, order_no)] == ["apply_news"]

        await eventually(observed)
    await pay_directly(stage, order_no, 1000)
    await delivered(stage, order_no)
    assert await stage.sql("SELECT 1 FROM parked_steps WHERE order_no = :o", o=order_no) == []


async def test_a_step_of_a_provider_outlasts_the_database_and_is_never_parked(
    stage: Stage, postgres: PostgresServer, database_url: DatabaseUrls
) -> None:
    """More failures than a provider would be granted; the money moves once."""
    order_no = await stage.place()
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    await eventually(lambda: ("capture", "succeeded") in stage.payments(order_no))
    async with unreachable_database(stage, postgres, database_url):
        granted = stage.settings.gateway_attempts
        await eventually(lambda: tried_more_often(stage, order_no, "capture_payment", granted), 60)
    await delivered(stage, order_no)
    await happened_once(stage, order_no)
    assert await stage.sql("SELECT 1 FROM parked_steps WHERE order_no = :o", o=order_no) == []


async def tried_more_often(stage: Stage, order_no: str, activity: str, times: int) -> bool:
    """True once the activity that is under way was tried more often than so many times."""
    under_way = (await stage.handle(order_no).describe()).raw_description.pending_activities
    return any(one.activity_type.name == activity and one.attempt > times for one in under_way)


async def test_a_resolution_that_the_database_refuses_leaves_the_step_parked(stage: Stage) -> None:
    """A value whose shape nobody checked at the door: the run goes on waiting for a better one."""
    order_no = await stage.place()
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await stage.parked(order_no)
    await resolved(stage, order_no, "skip", {"carrier": "SF"})
    await resolved(stage, order_no, "retry")
    await delivered(stage, order_no)


# ── deadlines and money ──────────────────────────────────────────────────────────────────────────────────────


async def test_an_outcome_that_comes_after_the_order_gave_up_is_returned(stage: Stage) -> None:
    """A slow try of an authorisation succeeds after a later try had closed it as abandoned."""
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    await stage.sql(
        "INSERT INTO payment_requests VALUES (:r, :o, 1, 'sandbox', 'tok_ok', 'c', now())",
        r=f"late-{order_no}", o=order_no,
    )  # fmt: skip
    gateway = Paused(build_payments(stage.settings)["sandbox"])
    slow = PaymentActivities(stage.database, {"sandbox": gateway}, "sandbox")
    trying = asyncio.ensure_future(slow.authorise_payment(m.AttemptRef(order_no, 1)))
    await gateway.reached.wait()
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no) == []
    gateway.go_on.set()
    await trying
    await eventually(lambda: stage.payments(order_no) == [("authorise", "succeeded"), ("void", "succeeded")])
    assert await stage.status(order_no) == "cancelled"


class Paused:
    """A gateway whose authorisation waits on its way out."""

    def __init__(self, real: Any) -> None:
        self._real = real
        self.reached, self.go_on = asyncio.Event(), asyncio.Event()

    async def authorise(self, request: Any) -> Any:
        self.reached.set()
        await self.go_on.wait()
        return await self._real.authorise(request)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


async def test_another_token_after_an_unknown_outcome_takes_the_money_once(stage: Stage) -> None:
    """The first authorisation was made but nobody heard; the amended one must not add to it."""
    order_no = await stage.place()
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    stage.fault("payments", "error", 4, order_no=order_no, kind="lookup")
    assert (await stage.parked(order_no)).step == "authorise"
    await resolved(stage, order_no, "amend", {"token": "tok_other_card"})
    await delivered_or_declined(stage, order_no)
    paid = stage.payments(order_no)
    assert paid.count(("capture", "succeeded")) <= 1
    held_open = paid.count(("authorise", "succeeded")) - paid.count(("void", "succeeded"))
    assert held_open == paid.count(("capture", "succeeded")), paid


async def delivered_or_declined(stage: Stage, order_no: str) -> None:
    async def through() -> bool:
        events = await stage.events(order_no)
        return "payment_captured" in events or "payment_declined" in events

    await eventually(through)
    await eventually(lambda: ("void", "succeeded") in stage.payments(order_no))
