"""A resolution is for the parked step it was given for, and for no other. What happens at once is forced by locks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.payments.refunds import RefundStatus
from infra.db.approvals.approval_limits import Limits
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import decide, given_back, paid_out, refund, status_of
from tests.order_stage import Stage, eventually, staged
from tests.workflows.scenarios import pay_again
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("bound"), return_window_s=600) as found:
        await found.stock("TEA", 1000)
        yield found


async def booked(stage: Stage) -> str:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    return order_no


async def stuck_at(stage: Stage, order_no: str, park_no: int) -> Any:
    """Wait until the order is stuck for the `park_no`-th time; the row."""

    async def there() -> Any:
        row = await stage.parked(order_no, 60)
        return row if row.park_no == park_no else None

    return await eventually(there, 60)


async def ask(stage: Stage, order_no: str, rid: str, action: str, park_no: int = 0) -> str:
    """The code with which the workflow answers; empty: it took the act."""
    request = m.ResolveRequest(order_no, rid, action, park_no)
    try:
        await stage.handle(order_no).execute_update(names.RESOLVE, request)
    except WorkflowUpdateFailedError as refused:
        assert isinstance(refused.cause, ApplicationError)
        return str(refused.cause.type)
    return ""


async def taken(stage: Stage, order_no: str, rid: str, action: str, park_no: int = 0) -> None:
    """Ask until the workflow takes it: what it does at this moment may come first."""

    async def once() -> bool:
        return await ask(stage, order_no, rid, action, park_no) == ""

    await eventually(once, 60)


@asynccontextmanager
async def held(stage: Stage, order_no: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """No step of the database goes on for the order meanwhile; what it gives waits until one waits for this."""
    async with stage.owner.begin() as conn:
        await conn.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await conn.execute(text("SELECT FROM orders WHERE order_no = :o FOR NO KEY UPDATE"), {"o": order_no})
        holder = (await conn.execute(text("SELECT pg_backend_pid()"))).scalar_one()

        async def blocks() -> None:
            waiting = "SELECT 1 FROM pg_stat_activity WHERE :holder = ANY(pg_blocking_pids(pid))"
            await eventually(lambda: stage.sql(waiting, holder=holder), 60)

        yield blocks


async def test_what_comes_while_a_step_of_the_database_runs_does_not_miss_its_aim(stage: Stage) -> None:
    """Each takes as long as a step waits for the database before it lets updates in."""
    await asyncio.gather(a_second_resolution_is_refused(stage), what_the_world_resolved_is_not_undone(stage))


async def a_second_resolution_is_refused(stage: Stage) -> None:
    """Another person acts while the first act is being applied."""
    order_no = await booked(stage)
    stage.fault("payments", "reject", 2, order_no=order_no, kind="refund")
    first = await refund(stage, order_no, amount_minor=100)
    await stage.parked(order_no, 60)
    retry, skip = (
        await stage.resolution(order_no, "retry"),
        await stage.resolution(order_no, "skip", {"reference": "b"}),
    )
    async with held(stage, order_no) as blocks:
        assert await ask(stage, order_no, retry, "retry", 1) == ""
        await blocks()
        assert await ask(stage, order_no, skip, "skip", 1) == "not_parked"
    row = await stuck_at(stage, order_no, 2)
    assert (row.step, row.subject) == ("refund", first.refund_id)
    await taken(stage, order_no, await stage.resolution(order_no, "retry"), "retry", 2)
    await paid_out(stage, first)
    assert given_back(stage, order_no) == [100]


@pytest.mark.parametrize("says", [True, False])
async def test_an_act_on_one_refund_is_not_applied_to_the_next(stage: Stage, says: bool) -> None:
    """Also when the request comes again, as a reset brings it, and from before requests named their step."""
    order_no = await booked(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    first = await refund(stage, order_no, amount_minor=100)
    await stage.parked(order_no, 60)
    stale = await stage.resolution(order_no, "skip", {"reference": "bank-1"})
    await taken(stage, order_no, await stage.resolution(order_no, "retry"), "retry", 1)
    await paid_out(stage, first)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    second = await refund(stage, order_no, amount_minor=700)
    assert (await stuck_at(stage, order_no, 2)).subject == second.refund_id
    job = stale  # the resolution of a bulk act begins with its id
    await stage.sql("INSERT INTO support_jobs (job_id, action, filter, data_key, reason_enc, actor, rate_per_s, state,"
                    " total) VALUES (:j, 'skip', '{}', '', '', 'support:ann', 1, 'running', 1)", j=job)  # fmt: skip
    item = "INSERT INTO support_job_items (job_id, order_no, resolution_id, state) VALUES (:j, :o, :r, 'done')"
    await stage.sql(item, j=job, o=order_no, r=stale)
    assert await ask(stage, order_no, stale, "skip", 1 if says else 0) == ("step_moved_on" if says else "")
    mine = await stage.resolution(order_no, "retry")
    await taken(stage, order_no, mine, "retry", 2)
    await paid_out(stage, second)
    assert given_back(stage, order_no) == [100, 700]
    # What was accepted and then refused is reported once to whoever gave it.
    refused = await stage.sql("SELECT code FROM refused_resolutions WHERE resolution_id = :r", r=stale)
    assert [row[0] for row in refused] == ([] if says else ["step_moved_on"])
    assert (await stage.events(order_no)).count("resolution_refused") == len(refused)
    (ended,) = await stage.sql("SELECT state, error FROM support_job_items WHERE job_id = :j", j=job)
    assert tuple(ended) == (("done", None) if says else ("failed", "step_moved_on"))
    (by,) = await stage.sql("SELECT resolution_id FROM parked_steps WHERE order_no = :o AND park_no = 2", o=order_no)
    assert by[0] == mine


async def what_the_world_resolved_is_not_undone(stage: Stage) -> None:
    """Support gives the order up while the notification of its payment is being applied."""
    order_no = await stage.place(token="tok_review")
    assert (await stage.parked(order_no, 60)).step == "review"
    undo = await stage.resolution(order_no, "compensate")
    async with held(stage, order_no) as blocks:
        await stage.handle(order_no).signal(names.PAYMENT_NOTIFIED)
        await blocks()
        assert await ask(stage, order_no, undo, "compensate", 1) == ""
        await report_capture(stage, order_no)
    await stage.reaches(order_no, "preparing", 60)
    assert "cancel_requested" not in await stage.events(order_no)


async def report_capture(stage: Stage, order_no: str) -> None:
    """The provider took the money unasked: its notification, in the inbox before what waits for the lock reads it."""
    (reference,) = await stage.sql(
        "SELECT provider_ref FROM payments WHERE order_no = :o AND kind = 'authorise'", o=order_no
    )
    fact = {"provider_ref": f"own-{order_no}", "parent_ref": reference[0], "kind": "capture", "status": "succeeded"}
    await stage.inbox("payment", order_no, {**fact, "amount_minor": 1000, "currency": "CNY"})


async def test_a_refund_that_was_paid_meanwhile_frees_the_order_and_no_other_is_touched(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    first = await refund(stage, order_no, amount_minor=100)
    await stage.parked(order_no, 60)
    second = await refund(stage, order_no, amount_minor=300)
    skip = await stage.resolution(order_no, "skip", {"reference": "bank-3"})
    await asyncio.gather(late_success(stage, first.refund_id), ask(stage, order_no, skip, "skip", 1))
    await paid_out(stage, first)
    await paid_out(stage, second)
    assert given_back(stage, order_no) == [300]
    manual = await stage.sql(
        "SELECT amount_minor FROM payments WHERE order_no = :o AND provider = 'manual'", o=order_no
    )
    assert {row[0] for row in manual} <= {100}
    assert await status_of(stage, second.refund_id) == "succeeded"


async def late_success(stage: Stage, refund_id: str) -> None:
    """The provider paid after all what it had refused."""
    (row,) = await stage.sql(
        "SELECT order_no, idempotency_key, amount_minor FROM payments WHERE refund_id = :r AND status = 'failed'",
        r=refund_id,
    )
    fact = {"provider_ref": f"late-{refund_id}", "kind": "refund", "status": "succeeded", "currency": "CNY"}
    fact |= {"amount_minor": row.amount_minor, "idempotency_key": row.idempotency_key}
    await stage.inbox("payment", row.order_no, fact)


async def test_skipping_stuck_surplus_touches_the_surplus_alone(stage: Stage) -> None:
    order_no = await booked(stage)
    waiting = await refund(stage, order_no, amount_minor=200, limits=Limits(0))
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    surplus = {"provider_ref": f"twice-{order_no}", "kind": "capture", "status": "succeeded", "currency": "CNY"}
    await stage.inbox("payment", order_no, {**surplus, "amount_minor": 700})
    parked = await stage.parked(order_no, 60)
    assert (parked.step, parked.subject, parked.amount_minor) == ("return_payment", "stray", 700)
    await taken(stage, order_no, await stage.resolution(order_no, "skip", {"reference": "bank-9"}), "skip", 1)
    await gone_on(stage, order_no)
    manually = await stage.sql(
        "SELECT kind, amount_minor, purpose FROM payments WHERE order_no = :o AND provider = 'manual'", o=order_no
    )
    assert [tuple(row) for row in manually] == [("refund", 700, "stray")]
    assert (await stage.status(order_no), await status_of(stage, waiting.refund_id)) == (
        "preparing", "awaiting_approval",
    )  # fmt: skip
    await decide(stage, waiting, order_no, RefundStatus.APPROVED)
    await paid_out(stage, waiting)
    assert given_back(stage, order_no) == [200]


async def gone_on(stage: Stage, order_no: str) -> None:
    """Wait until the order is stuck no more."""

    async def there() -> bool:
        open_ones = "SELECT 1 FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL"
        return not await stage.sql(open_ones, o=order_no)

    await eventually(there, 60)


async def test_a_parked_authorisation_that_a_notification_decides_goes_on_without_a_person(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    stage.fault("payments", "error", 50, order_no=order_no)
    await pay_again(stage, order_no)
    assert (await stage.parked(order_no, 60)).step == "authorise"
    stage.sandbox.http.delete("/faults")
    (held_there,) = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    fact = {name: held_there[name] for name in ("idempotency_key", "kind", "status", "amount_minor", "currency")}
    await stage.inbox("payment", order_no, {**fact, "provider_ref": held_there["id"]})
    await stage.reaches(order_no, "preparing", 60)
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]
    (closed,) = await stage.sql("SELECT resolution_id, resolved_at FROM parked_steps WHERE order_no = :o", o=order_no)
    assert closed.resolution_id is None and closed.resolved_at is not None
