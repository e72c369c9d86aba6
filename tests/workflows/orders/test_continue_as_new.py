"""A run takes so many updates and no more: an order that waits for long, asked again and again, goes on in a new run.

The server's limit is 2,000 updates; this one takes 10.
"""

from collections.abc import AsyncIterator

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from infra.stack.data_dir.ports import any_free
from infra.stack.temporal import temporal_server
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.holds import hold, release
from tests.order_stage import Stage, staged
from tests.workflows.scenarios import delivered, pay_again
from workflows import names
from workflows import payloads as m

LIMIT, REQUESTS = 10, 15


@pytest.fixture(scope="module")
async def stage(database_url: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("worn")
    server = TemporalServer(db=folder / "temporal.db", port=any_free(set()), log=folder / "temporal.log")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(temporal_server.DYNAMIC_CONFIG, "history.maxTotalUpdates", str(LIMIT))
        async with server.running(), staged(database_url, server.address, folder) as opened:
            await opened.stock("TEA", 100)
            yield opened


async def refused_updates(stage: Stage, order_no: str) -> None:
    """Pays again and again: each is refused by the database, none by Temporal."""
    for number in range(REQUESTS):
        request = f"vain-{order_no}-{number}"
        await stage.sql(
            "INSERT INTO payment_requests VALUES (:r, :o, NULL, 'sandbox', 'tok_ok', 'c', now())", r=request, o=order_no
        )
        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await stage.handle(order_no).execute_update(
                names.PAY, m.PayRequest(order_no, request), result_type=m.UpdateAnswer
            )
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "payment_in_progress"


async def run_of(stage: Stage, order_no: str) -> str | None:
    return (await stage.handle(order_no).describe()).run_id


@pytest.fixture
async def unpaid(stage: Stage) -> str:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    return order_no


async def test_under_a_long_hold_refused_updates_begin_a_new_run_before_the_limit(stage: Stage, unpaid: str) -> None:
    hold_no = await hold(stage, unpaid, "risk", deadline_s=3600, escalate_s=3600)
    assert (await pay_again(stage, unpaid)).outcome == "open"
    first = await run_of(stage, unpaid)
    await refused_updates(stage, unpaid)
    assert await run_of(stage, unpaid) != first
    assert stage.payments(unpaid) == []
    await release(stage, unpaid, hold_no)
    await delivered(stage, unpaid)
    assert stage.payments(unpaid) == [("authorise", "succeeded"), ("capture", "succeeded")]


async def test_a_parked_order_that_is_asked_in_vain_stays_parked_in_its_new_run(stage: Stage, unpaid: str) -> None:
    stage.fault("payments", "error", 5, order_no=unpaid, kind="capture")
    await pay_again(stage, unpaid)
    await stage.parked(unpaid, 60)
    first = await run_of(stage, unpaid)
    await refused_updates(stage, unpaid)
    assert await run_of(stage, unpaid) != first
    await stage.parked(unpaid)
    await stage.handle(unpaid).signal(names.RETRY_PARKED)
    await delivered(stage, unpaid)
    assert (await stage.events(unpaid)).count("step_parked") == 1
