"""Refunds on real servers: decided in the books, paid by the order's workflow, exactly once."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.errors import Conflict
from domain.refunds import RefundStatus
from infra.db.giving import Limits
from infra.db.refund_plans import LineAsk
from infra.stack.temporal import TemporalServer
from tests.conftest import Books
from tests.stage import Stage, eventually, staged
from tests.workflows.refunding import decide, given_back, paid_out, refund, status_of
from tests.workflows.stories import resolved
from tests.workflows.test_order_story import cancel


@pytest.fixture(scope="module")
async def stage(
    database_url: Books, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("refunds"), return_window_s=600) as found:
        await found.stock("TEA", 1000)
        yield found


async def booked(stage: Stage, quantity: int = 1) -> str:
    """A paid order that waits for its carrier."""
    order_no = await stage.place(quantity=quantity)
    await stage.reaches(order_no, "preparing")
    return order_no


async def test_a_refund_is_paid_while_the_order_waits_and_told_once(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refund(stage, order_no, amount_minor=300)
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [300]
    kinds = await stage.events(order_no)
    assert kinds.count("payment_refunded") == 1
    assert kinds.index("refund_opened") < kinds.index("payment_refunded")
    totals = await stage.sql(
        "SELECT refunded_minor, promised_minor FROM payment_totals JOIN payments USING (payment_id) "
        "WHERE order_no = :o",
        o=order_no,
    )
    assert tuple(totals[0]) == (300, 0)


async def test_units_are_refunded_at_their_worth_until_nothing_is_left(stage: Stage) -> None:
    order_no = await booked(stage, quantity=3)
    for _ in range(3):
        await paid_out(stage, await refund(stage, order_no, lines=(LineAsk(1, sku="TEA"),)))
    assert given_back(stage, order_no) == [1000, 1000, 1000]
    with pytest.raises(Conflict) as nothing:
        await refund(stage, order_no, amount_minor=1)
    assert nothing.value.code == "refund_exceeds_captured"


async def test_a_timeout_after_the_act_pays_once(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=400)
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [400]


async def test_a_refund_refused_for_good_parks_and_the_retry_has_a_new_key(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=400)
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error, parked.amount_minor) == ("refund", "rejected", 400)
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [400]


async def test_a_stuck_refund_is_skipped_with_the_reference_of_the_transfer(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=400)
    await stage.parked(order_no)
    await resolved(stage, order_no, "skip", {"reference": "bank-17"})
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == []
    paid = await stage.sql(
        "SELECT provider, amount_minor, status FROM payments WHERE refund_id = :r ORDER BY payment_id",
        r=opened.refund_id,
    )
    assert [tuple(row) for row in paid] == [("sandbox", 400, "failed"), ("manual", 400, "succeeded")]
    await late_success(stage, opened.refund_id)
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    assert given_back(stage, order_no) == [600]


async def late_success(stage: Stage, refund_id: str) -> None:
    """The provider paid after all what it had refused: the books have no room for it, and the order goes on."""
    row = (
        await stage.sql(
            "SELECT order_no, idempotency_key, amount_minor FROM payments WHERE refund_id = :r AND status = 'failed'",
            r=refund_id,
        )
    )[0]
    fact = {"provider_ref": "late-1", "kind": "refund", "status": "succeeded", "amount_minor": row.amount_minor}
    fact |= {"currency": "CNY", "idempotency_key": row.idempotency_key}
    await stage.inbox("payment", row.order_no, fact)

    async def heard() -> bool:
        rows = await stage.sql("SELECT outcome FROM inbox WHERE fact ->> 'provider_ref' = 'late-1'")
        return bool(rows[0][0] == "paid_twice")

    await eventually(heard)


async def test_a_refund_of_a_completed_order_begins_a_run_that_pays_it(stage: Stage) -> None:
    order_no = await booked(stage)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")
    await stage.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', '\"2020-01-01T00:00:00+00:00\"') "
        "WHERE order_no = :o",
        o=order_no,
    )
    await stage.handle(order_no).signal("carrier_reported")
    await stage.reaches(order_no, "completed")
    await stage.handle(order_no).result()
    first = (await stage.handle(order_no).describe()).run_id
    opened = await refund(stage, order_no, amount_minor=250)
    await paid_out(stage, opened)
    await stage.handle(order_no).result()
    assert (await stage.handle(order_no).describe()).run_id != first
    assert (await stage.status(order_no), given_back(stage, order_no)) == ("completed", [250])


async def test_a_refund_is_paid_in_the_return_window(stage: Stage) -> None:
    order_no = await booked(stage)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")
    opened = await refund(stage, order_no, amount_minor=250)
    await paid_out(stage, opened)
    assert await stage.status(order_no) == "delivered"


async def test_what_waits_for_a_second_person_is_paid_after_his_yes(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refund(stage, order_no, amount_minor=500, limits=Limits(499))
    assert opened.status is RefundStatus.AWAITING_APPROVAL
    other = await refund(stage, order_no, amount_minor=500)
    with pytest.raises(Conflict):
        await refund(stage, order_no, amount_minor=1)
    await paid_out(stage, other)
    assert given_back(stage, order_no) == [500]
    await decide(stage, opened, order_no, RefundStatus.APPROVED)
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [500, 500]


async def test_a_cancellation_pays_what_was_decided_drops_what_waits_and_returns_the_rest(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    decided = await refund(stage, order_no, amount_minor=300)
    await stage.parked(order_no)
    waiting = await refund(stage, order_no, amount_minor=200, limits=Limits(0))
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    assert sorted(given_back(stage, order_no)) == [300, 700]
    states = [await status_of(stage, one.refund_id) for one in (decided, waiting)]
    assert states == ["succeeded", "overtaken"]
    assert "refund_overtaken" in await stage.events(order_no)


async def test_refund_and_cancellation_at_once_return_everything_once(stage: Stage) -> None:
    order_no = await booked(stage)
    answers = await asyncio.gather(
        cancel(stage, order_no), refund(stage, order_no, amount_minor=400), return_exceptions=True
    )
    assert not isinstance(answers[0], BaseException)
    await stage.reaches(order_no, "cancelled")
    assert sum(given_back(stage, order_no)) == 1000


async def test_a_refund_is_paid_beside_another_step_that_is_stuck(stage: Stage) -> None:
    order_no = await booked(stage)
    await stage.carrier_says(order_no, "lost")
    await stage.parked(order_no)
    first, second = (
        await refund(stage, order_no, amount_minor=300),
        await refund(stage, order_no, amount_minor=200),
    )
    await paid_out(stage, first)
    await paid_out(stage, second)
    assert (await stage.parked(order_no)).step == "deliver"
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")


async def test_a_run_that_was_lost_is_begun_again_and_pays(stage: Stage) -> None:
    order_no = await booked(stage)
    await stage.handle(order_no).terminate()
    opened = await refund(stage, order_no, amount_minor=300)
    await paid_out(stage, opened)
    await delivered_to_the_window(stage, order_no)


async def delivered_to_the_window(stage: Stage, order_no: str) -> None:
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered")
