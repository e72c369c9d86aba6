"""Holds on real servers: what they stop, what goes on, how they end."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.holds import hold, release
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import delivered, noted, pay_again
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("holds")) as opened:
        await opened.stock("TEA", 1000)
        yield opened


async def unpaid(stage: Stage) -> str:
    """An order that waits for its payment: the moment to hold it."""
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    return order_no


async def is_suspended(stage: Stage, order_no: str) -> None:
    """Wait until the workflow says that it stands still because of a hold."""

    async def reported() -> bool:
        details = await stage.handle(order_no).query("__temporal_workflow_metadata")
        return "On hold" in str(details)

    await eventually(reported)


async def test_a_held_order_is_neither_charged_nor_booked_and_goes_on_when_released(stage: Stage) -> None:
    order_no = await unpaid(stage)
    hold_no = await hold(stage, order_no, "risk")
    answer = await pay_again(stage, order_no)
    assert (answer.status, answer.outcome) == ("pending_payment", "open")
    await is_suspended(stage, order_no)
    assert stage.payments(order_no) == []
    await release(stage, order_no, hold_no)
    await delivered(stage, order_no)
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "succeeded")]
    kinds = await stage.events(order_no)
    assert kinds.index("hold_put_on") < kinds.index("hold_released") < kinds.index("payment_authorised")


async def test_an_address_hold_lets_money_come_and_keeps_the_parcel(stage: Stage) -> None:
    order_no = await unpaid(stage)
    hold_no = await hold(stage, order_no, "address")
    assert (await pay_again(stage, order_no)).outcome == "captured"
    await is_suspended(stage, order_no)
    assert (await stage.status(order_no), stage.parcels(order_no)) == ("paid", [])
    await release(stage, order_no, hold_no)
    await delivered(stage, order_no)


async def test_stock_that_arrives_while_held_is_reserved_after_the_release(stage: Stage) -> None:
    await stage.stock("SCARCE", 1)
    order_no = await stage.place(sku="SCARCE", quantity=3, backorder=True)
    await noted(stage, order_no, "stock_short")
    hold_no = await hold(stage, order_no, "stock")
    await stage.stock("SCARCE", 2)
    await stage.handle(order_no).signal(names.STOCK_ARRIVED)
    await is_suspended(stage, order_no)
    assert await stage.status(order_no) == "received"
    await release(stage, order_no, hold_no)
    await delivered(stage, order_no)


async def test_nobody_acts_it_escalates_and_the_default_outcome_cancels(stage: Stage) -> None:
    order_no = await unpaid(stage)
    await hold(stage, order_no, "risk", outcome="cancel", escalate_s=1, deadline_s=2)
    await stage.reaches(order_no, "cancelled")
    kinds = await stage.events(order_no)
    assert kinds.index("hold_escalated") < kinds.index("hold_expired") < kinds.index("cancel_requested")
    rows = await stage.sql("SELECT owner, outcome, closed_by FROM holds WHERE order_no = :o", o=order_no)
    assert [tuple(row) for row in rows] == [("operations", "expired", "system")]
    (cause,) = await stage.sql(
        "SELECT data ->> 'cause' FROM order_events WHERE order_no = :o AND type = 'order_cancelled'", o=order_no
    )
    assert cause[0] == "hold_expired"


async def test_nobody_acts_and_the_default_outcome_releases(stage: Stage) -> None:
    order_no = await unpaid(stage)
    await hold(stage, order_no, "manual", deadline_s=1, escalate_s=1)
    assert (await pay_again(stage, order_no)).outcome in ("open", "captured")
    await delivered(stage, order_no)
    assert "hold_escalated" not in await stage.events(order_no)


async def test_cancelling_a_held_order_undoes_it_and_closes_the_hold(stage: Stage) -> None:
    order_no = await unpaid(stage)
    await hold(stage, order_no, "address")
    assert (await pay_again(stage, order_no)).outcome == "captured"
    await is_suspended(stage, order_no)
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    assert ("refund", "succeeded") in stage.payments(order_no)
    (row,) = await stage.sql("SELECT outcome FROM holds WHERE order_no = :o", o=order_no)
    assert row[0] == "overtaken"
    assert (await stage.sql("SELECT hold FROM orders WHERE order_no = :o", o=order_no))[0][0] is None


@pytest.mark.parametrize("kind", ["authorise", "capture"])
async def test_a_held_order_whose_payment_has_an_unknown_outcome_is_cancelled(stage: Stage, kind: str) -> None:
    order_no = await unpaid(stage)
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind=kind)
    stage.fault("payments", "error", 1_000, order_no=order_no, kind="lookup")
    await pay_again(stage, order_no)
    await stage.parked(order_no, 60)
    await hold(stage, order_no, "risk")
    stage.sandbox.http.delete("/faults")
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled", 60)
    given_back = {"authorise": ["authorise", "void"], "capture": ["authorise", "capture", "refund"]}
    assert [kind for kind, _ in stage.payments(order_no)] == given_back[kind]


async def test_two_holds_at_once_and_the_order_goes_on_after_the_second(stage: Stage) -> None:
    order_no = await unpaid(stage)
    first, second = await hold(stage, order_no, "address"), await hold(stage, order_no, "manual", deadline_s=900)
    assert (await stage.sql("SELECT hold FROM orders WHERE order_no = :o", o=order_no))[0][0] == "address"
    await pay_again(stage, order_no)
    await release(stage, order_no, second)
    await stage.reaches(order_no, "paid")
    await is_suspended(stage, order_no)
    assert stage.parcels(order_no) == []
    await release(stage, order_no, first)
    await delivered(stage, order_no)


async def test_a_parked_booking_that_is_held_waits_for_both(stage: Stage) -> None:
    order_no = await unpaid(stage)
    stage.fault("carriers", "error", 5, order_no=order_no)
    await pay_again(stage, order_no)
    await stage.parked(order_no)
    hold_no = await hold(stage, order_no, "address")
    stage.sandbox.http.delete("/faults")
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    await is_suspended(stage, order_no)
    assert stage.parcels(order_no) == []
    await release(stage, order_no, hold_no)
    await delivered(stage, order_no)


async def parked_and_held(stage: Stage, outcome: str, **times: int) -> str:
    """An order whose booking is stuck and that nobody retries, held before its parcel."""
    order_no = await unpaid(stage)
    stage.fault("carriers", "reject", 1, order_no=order_no)
    await pay_again(stage, order_no)
    await stage.parked(order_no)
    await hold(stage, order_no, "address", outcome=outcome, **times)
    return order_no


async def test_a_hold_on_a_stuck_order_escalates_and_its_outcome_undoes_the_order(stage: Stage) -> None:
    order_no = await parked_and_held(stage, "cancel", escalate_s=1, deadline_s=2)
    await stage.reaches(order_no, "cancelled")
    kinds = await stage.events(order_no)
    assert kinds.index("hold_escalated") < kinds.index("hold_expired") < kinds.index("step_resolved")
    assert ("refund", "succeeded") in stage.payments(order_no) and stage.parcels(order_no) == []
    (row,) = await stage.sql("SELECT owner, outcome FROM holds WHERE order_no = :o", o=order_no)
    assert tuple(row) == ("operations", "expired")


async def test_a_hold_on_a_stuck_order_is_released_by_its_outcome_and_the_step_stays_stuck(stage: Stage) -> None:
    order_no = await parked_and_held(stage, "release", escalate_s=1, deadline_s=1)
    await noted(stage, order_no, "hold_expired")
    assert (await stage.parked(order_no)).step == "book"
    await stage.handle(order_no).signal(names.RETRY_PARKED)
    await delivered(stage, order_no)


async def test_many_orders_held_and_released_in_any_order(stage: Stage) -> None:
    orders = [await unpaid(stage) for _ in range(8)]
    numbers = {order_no: await hold(stage, order_no, "manual") for order_no in orders}
    answers = await asyncio.gather(*(pay_again(stage, order_no) for order_no in orders))
    assert {answer.outcome for answer in answers} == {"open"}
    await asyncio.gather(*(release(stage, order_no, numbers[order_no]) for order_no in reversed(orders)))
    await asyncio.gather(*(delivered(stage, order_no) for order_no in orders))


@pytest.mark.parametrize("step", ["book", "capture"])
async def test_a_step_that_is_skipped_while_held_stays_parked_until_the_release(stage: Stage, step: str) -> None:
    """The hold comes after support was allowed to skip: the workflow's own transaction refuses it."""
    target, kind = ("carriers", "address") if step == "book" else ("payments", "risk")
    value = {"carrier": "a neighbour", "tracking_no": "N-1"} if step == "book" else {"reference": "bank 17"}
    order_no = await unpaid(stage)
    stage.fault(target, "error", 5, order_no=order_no, kind=step)
    await pay_again(stage, order_no)
    await stage.parked(order_no)
    hold_no = await hold(stage, order_no, kind)
    status = await stage.status(order_no)

    async def skip() -> None:
        request = m.ResolveRequest(order_no, await stage.resolution(order_no, "skip", value), "skip")
        await stage.handle(order_no).execute_update(names.RESOLVE, request, result_type=m.UpdateAnswer)

    async def refused() -> bool:
        return "order_is_held" in (await stage.handle(order_no).fetch_history()).to_json()

    await skip()
    await eventually(refused, 60)
    await stage.parked(order_no)
    assert (await stage.status(order_no), stage.parcels(order_no)) == (status, [])
    await release(stage, order_no, hold_no)
    await skip()
    await stage.reaches(order_no, "preparing", 60)
