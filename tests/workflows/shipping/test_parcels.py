"""What carriers tell: in any order, twice, too late, or just when the order is being undone."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.service import RPCError, RPCStatusCode

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order_recovery import PAID_ONCE
from tests.workflows.payments.test_deadlines import silently
from tests.workflows.scenarios import delivered, resolved
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("patient")) as opened:
        await opened.stock("TEA", 1000)
        yield opened


@pytest.mark.parametrize("order", list(itertools.permutations(["picked_up", "in_transit", "delivered"])))
async def test_carrier_facts_in_any_order_and_twice_end_the_same(stage: Stage, order: tuple[str, ...]) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    for fact in order:
        await stage.carrier_says(order_no, fact, fact)
    await stage.reaches(order_no, "completed")
    events = [event for event in await stage.events(order_no) if event.startswith("shipment_")]
    assert events == ["shipment_booked", "shipment_picked_up", "shipment_delivered"]
    rows = await stage.sql("SELECT count(*) FROM stock_movements WHERE order_no = :o AND kind = 'ship'", o=order_no)
    assert rows[0][0] == 1


async def test_a_parcel_that_is_found_while_its_order_is_undone(stage: Stage) -> None:
    """The refund is parked when the carrier says delivered: the undoing goes through, the run does not fail."""
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await resolved(stage, order_no, "compensate")
    await eventually(lambda: open_step(stage, order_no, "return_payment"))
    await stage.carrier_says(order_no, "delivered")
    await wait_until_applied(stage, order_no)
    await resolved(stage, order_no, "retry")
    await stage.reaches(order_no, "cancelled")
    assert stage.payments(order_no) == [*PAID_ONCE, ("refund", "failed"), ("refund", "succeeded")]
    assert await stage.handle(order_no).result() == "cancelled"


async def open_step(stage: Stage, order_no: str, step: str) -> list[Any]:
    return await stage.sql(
        "SELECT 1 FROM parked_steps WHERE order_no = :o AND step = :s AND resolved_at IS NULL", o=order_no, s=step
    )


async def wait_until_applied(stage: Stage, order_no: str) -> None:
    """Wait until no fact about the order is left in the inbox."""
    statement = "SELECT 1 WHERE NOT EXISTS (SELECT FROM inbox WHERE order_no = :o AND processed_at IS NULL)"
    await eventually(lambda: stage.sql(statement, o=order_no))


async def test_support_gives_up_a_parcel_that_is_delivered_at_that_moment(stage: Stage) -> None:
    """The fact is in the database before the act: the order ends as delivered, and its run does not fail."""
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    rid = await stage.resolution(order_no, "compensate")
    await silently(stage, order_no, await parcel_fact(stage, order_no, "delivered"), "shipment")
    handle = stage.handle(order_no)
    update = m.ResolveRequest(order_no, rid, "compensate")
    # Both before the next task, as a rule: the workflow hears the news and finds the act already there. On a busy
    # machine the act may come when the order has ended; then there is nothing to act on.
    _, acted = await asyncio.gather(
        handle.signal(names.CARRIER_REPORTED),
        handle.execute_update(names.RESOLVE, update),
        return_exceptions=True,
    )
    assert not isinstance(acted, RPCError) or acted.status is RPCStatusCode.NOT_FOUND
    assert await handle.result() in ("completed", "cancelled")
    ended = await stage.status(order_no)
    assert (("refund", "succeeded") in stage.payments(order_no)) == (ended == "cancelled")


async def parcel_fact(stage: Stage, order_no: str, status: str) -> dict[str, Any]:
    rows = await stage.sql("SELECT carrier_ref, tracking_no FROM shipments WHERE order_no = :o", o=order_no)
    fact = {"carrier_ref": rows[0].carrier_ref, "tracking_no": rows[0].tracking_no, "status": status}
    return {**fact, "occurred_at": "2026-01-01T00:00:00Z"}


async def test_facts_after_the_end_change_nothing(stage: Stage) -> None:
    order_no = await delivered(stage, await stage.place())
    events = await stage.events(order_no)
    await stage.carrier_says(order_no, "lost", "picked_up", "delivered")
    await wait_until_applied(stage, order_no)
    assert await stage.events(order_no) == events


async def test_an_unknown_run_is_not_invented(stage: Stage) -> None:
    """A signal for an order that the database does not know begins nothing."""
    await stage.sql(
        "INSERT INTO workflow_requests (kind, subject, name) VALUES ('signal_order', 'NOBODY', 'payment_notified')"
    )
    order_no = await delivered(stage, await stage.place())
    assert order_no
    with pytest.raises(RPCError):
        await stage.handle("NOBODY").describe()
