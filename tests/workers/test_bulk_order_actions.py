"""A job over chosen orders does to each what the same action on one order does, once, and says why it did not."""

import uuid
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from activities.support.bulk_jobs import BulkJobActivities
from domain.orders.bulk_actions import BulkAction
from infra.db.customers.profiles import KeyRing
from infra.db.engine import Database
from infra.db.support import bulk_jobs, order_jobs
from infra.db.support.order_jobs import NewOrderJob
from infra.settings import Settings
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import database, place, settings_for, sql, vault
from workflows.payloads import JobSlice, StartJob


@pytest.fixture
async def settings(database_url: DatabaseUrls, temporal: TemporalServer) -> Settings:
    return settings_for(database_url, temporal_address=temporal.address, workflow_timeout_s=2)


@pytest.fixture
async def jobs(settings: Settings) -> AsyncIterator[tuple[Database, BulkJobActivities]]:
    async with database(settings) as db:
        client = await Client.connect(settings.temporal_address)
        yield db, BulkJobActivities(db, vault(), client, settings)


async def opened(db: Database, action: BulkAction, orders: list[str], **value: str) -> str:
    job_id = f"job_{uuid.uuid4().hex}"
    new = NewOrderJob(job_id, action.value, "support:anna", orders, 500.0, "asked on the telephone", value or None)
    async with db.begin() as conn:
        await order_jobs.open_job(conn, KeyRing(vault()), new, None)
    return job_id


async def outcomes(db: Database, job_id: str) -> dict[str, tuple[str, str | None]]:
    async with db.begin() as conn:
        return {one.order_no: (one.state, one.error) for one in await order_jobs.outcomes(conn, job_id, 100)}


async def test_a_hold_and_its_release_are_those_of_each_order(
    database_url: DatabaseUrls, jobs: tuple[Database, BulkJobActivities]
) -> None:
    db, activities = jobs
    orders = [await place(database_url) for _ in range(3)]
    hold = await opened(db, BulkAction.HOLD, orders, kind="manual")
    slice_ = await ActivityEnvironment().run(activities.resolve_slice, StartJob(hold, 500.0))
    assert slice_ == JobSlice(3, 0, 0) and set((await outcomes(db, hold)).values()) == {("done", None)}
    rows = await sql(
        database_url.app_url,
        "SELECT h.kind, h.put_on_by, o.hold FROM holds h JOIN orders o USING (order_no) WHERE order_no = ANY(%s)",
        orders,
    )
    assert rows == [("manual", "support:anna", "manual")] * 3

    await ActivityEnvironment().run(activities.resolve_slice, StartJob(hold, 500.0))  # nothing is open any more
    release = await opened(db, BulkAction.RELEASE, [*orders, await place(database_url)])
    slice_ = await ActivityEnvironment().run(activities.resolve_slice, StartJob(release, 500.0))
    assert slice_ == JobSlice(3, 1, 0)
    assert sorted(error or "" for _, error in (await outcomes(db, release)).values()) == ["", "", "", "not_held"]
    left = await sql(database_url.app_url, "SELECT hold FROM orders WHERE order_no = ANY(%s)", orders)
    assert left == [(None,)] * 3


async def test_a_new_priority_is_kept_with_its_reason(
    database_url: DatabaseUrls, jobs: tuple[Database, BulkJobActivities]
) -> None:
    db, activities = jobs
    order_no = await place(database_url)
    job_id = await opened(db, BulkAction.PRIORITISE, [order_no], priority="urgent")
    assert await ActivityEnvironment().run(activities.resolve_slice, StartJob(job_id, 500.0)) == JobSlice(1, 0, 0)
    ((priority, action, actor, act_id, sealed, key),) = await sql(
        database_url.app_url,
        """SELECT o.priority, a.action, a.actor, a.act_id, a.reason_enc, c.data_key
             FROM staff_actions a JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
            WHERE order_no = %s""",
        order_no,
    )
    assert (priority, action, actor) == (2, "prioritise", "support:anna")
    assert vault().open_json(vault().unwrap(key), sealed, f"{act_id}:reason") == "asked on the telephone"


async def test_an_order_that_has_changed_since_says_why_it_is_left_alone(
    database_url: DatabaseUrls, jobs: tuple[Database, BulkJobActivities]
) -> None:
    db, activities = jobs
    order_no = await place(database_url)
    await opened(db, BulkAction.HOLD, [order_no], kind="manual")
    first, second = [await opened(db, BulkAction.HOLD, [order_no], kind="manual") for _ in range(2)]
    for job_id, expected in ((first, ("done", None)), (second, ("failed", "already_held"))):
        await ActivityEnvironment().run(activities.resolve_slice, StartJob(job_id, 500.0))
        assert await outcomes(db, job_id) == {order_no: expected}
    cancel = await opened(db, BulkAction.CANCEL, [order_no])
    await sql(database_url.app_url, "UPDATE orders SET cancelling = 'support_request' WHERE order_no = %s", order_no)
    await ActivityEnvironment().run(activities.resolve_slice, StartJob(cancel, 500.0))
    assert await outcomes(db, cancel) == {order_no: ("failed", "not_cancellable")}


async def test_tags_and_assignees_are_set_in_the_name_of_who_asked(
    database_url: DatabaseUrls, jobs: tuple[Database, BulkJobActivities]
) -> None:
    db, activities = jobs
    order_no = await place(database_url)
    for action, value in ((BulkAction.TAG, {"tag": "gift"}), (BulkAction.ASSIGN, {"assignee": ""})):
        job_id = await opened(db, action, [order_no], **value)
        await ActivityEnvironment().run(activities.resolve_slice, StartJob(job_id, 500.0))
        outcome = (await outcomes(db, job_id))[order_no]
        assert outcome == (("done", None) if value.get("tag") else ("failed", "assignee_unchanged"))
    rows = await sql(
        database_url.app_url,
        "SELECT actor, after FROM audit_log WHERE order_no = %s AND action = 'tag_added'",
        order_no,
    )
    assert rows == [("support:anna", "gift")]


@pytest.mark.parametrize("code", ["not_parked", "step_moved_on"])
async def test_a_worker_that_does_not_know_such_jobs_cannot_fail_their_orders(
    database_url: DatabaseUrls, jobs: tuple[Database, BulkJobActivities], code: str
) -> None:
    """It takes every order of a job for a parked one."""
    db, activities = jobs
    order_no = await place(database_url)
    job_id = await opened(db, BulkAction.HOLD, [order_no], kind="manual")
    with pytest.raises(DBAPIError, match="asks for no parked step"):
        async with db.begin() as conn:
            await bulk_jobs.close_item(conn, job_id, order_no, code)
    assert await outcomes(db, job_id) == {order_no: ("open", None)}
    assert await ActivityEnvironment().run(activities.resolve_slice, StartJob(job_id, 500.0)) == JobSlice(1, 0, 0)
