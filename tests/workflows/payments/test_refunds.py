"""Refunds on real servers: decided in the database, paid by the order's workflow, exactly once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from activities.support.recovery import Part, Place, restart_page
from domain.alerts import Kind
from domain.errors import Conflict
from domain.payments.refunds import RefundStatus
from infra.db.alerts.order_rules import DETECTORS
from infra.db.approvals.approval_limits import Limits
from infra.db.payments import provider_cases
from infra.db.payments.refund_plans import NewRefundLine
from infra.db.payments.refunds import OpenedRefund
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.holds import hold, release
from tests.factories.refunds import decide, given_back, paid_out, pending, refund, status_of
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import pay_again, resolved


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    often = {"return_window_s": 600, "payment_poll_s": 1, "gateway_attempts": 100}
    async with staged(database_url, temporal.address, tmp_path_factory.mktemp("refunds"), **often) as found:
        await found.stock("TEA", 1000)
        yield found


async def booked(stage: Stage, quantity: int = 1) -> str:
    """A paid order that waits for its carrier."""
    order_no = await stage.place(quantity=quantity)
    await stage.reaches(order_no, "preparing")
    return order_no


async def test_a_refund_is_paid_while_the_order_waits_and_reported_once(stage: Stage) -> None:
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
        await paid_out(stage, await refund(stage, order_no, lines=(NewRefundLine(1, sku="TEA"),)))
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


async def refused(stage: Stage, order_no: str) -> OpenedRefund:
    """A refund that its provider refuses for good."""
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=400)
    parked = await stage.parked(order_no, 60)
    assert (parked.step, parked.subject) == ("refund", opened.refund_id)
    return opened


async def over_its_return_window(stage: Stage, order_no: str) -> None:
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered", 60)
    await stage.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', '\"2020-01-01T00:00:00+00:00\"') "
        "WHERE order_no = :o",
        o=order_no,
    )
    await stage.handle(order_no).signal("carrier_reported")


async def test_an_order_goes_on_to_its_end_while_a_refund_is_refused(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refused(stage, order_no)
    await over_its_return_window(stage, order_no)
    await stage.reaches(order_no, "completed", 60)
    assert (await stage.parked(order_no)).subject == opened.refund_id
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)
    assert await stage.handle(order_no).result() == "completed"
    assert given_back(stage, order_no) == [400]


async def test_a_refused_refund_is_parked_again_once_another_step_is_not_stuck_any_more(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refused(stage, order_no)
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    await stage.carrier_says(order_no, "lost")

    async def at(step: str) -> bool:
        return bool((await stage.parked(order_no, 60)).step == step)

    await eventually(lambda: at("deliver"), 60)
    assert await status_of(stage, opened.refund_id) == "approved"
    await eventually(lambda: refunds_at_provider(stage, order_no) == ["failed", "failed"], 60)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered", 60)
    await eventually(lambda: at("refund"), 60)
    assert refunds_at_provider(stage, order_no) == ["failed", "failed"]  # nobody was asked since: it is not sent again
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)


def refunds_at_provider(stage: Stage, order_no: str) -> list[str]:
    return [status for kind, status in stage.payments(order_no) if kind == "refund"]


async def test_an_order_whose_refund_is_refused_goes_on_in_a_run_that_begins_from_the_database(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refused(stage, order_no)
    await stage.handle(order_no).terminate("lost")
    await over_its_return_window(stage, order_no)
    await stage.reaches(order_no, "completed", 60)
    await resolved(stage, order_no, "skip", {"reference": "bank-18"})
    await paid_out(stage, opened)
    assert (given_back(stage, order_no), await stage.handle(order_no).result()) == ([], "completed")


async def test_later_refunds_do_not_wait_behind_one_that_is_refused(stage: Stage) -> None:
    """One that is refused as well is parked once the first is decided, and holds up no other."""
    order_no = await booked(stage, quantity=2)
    first = await refused(stage, order_no)
    await paid_out(stage, await refund(stage, order_no, amount_minor=100))
    stage.fault("payments", "reject", 1, order_no=order_no, kind="refund")
    third = await refund(stage, order_no, amount_minor=200)
    failed = "SELECT 1 FROM payments WHERE refund_id = :r AND status = 'failed'"
    await eventually(lambda: stage.sql(failed, r=third.refund_id), 60)
    await paid_out(stage, await refund(stage, order_no, amount_minor=300))
    assert given_back(stage, order_no) == [100, 300]
    assert (await stage.parked(order_no)).subject == first.refund_id
    await resolved(stage, order_no, "skip", {"reference": "bank-19"})

    async def parked_next() -> bool:
        return bool((await stage.parked(order_no, 60)).subject == third.refund_id)

    await eventually(parked_next, 60)
    await resolved(stage, order_no, "retry")
    await paid_out(stage, third)
    assert given_back(stage, order_no) == [100, 300, 200]
    assert not await stage.sql("SELECT FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL", o=order_no)


async def test_a_cancellation_returns_what_a_refused_refund_did_not(stage: Stage) -> None:
    order_no = await booked(stage)
    await refused(stage, order_no)
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled", 60)
    assert sum(given_back(stage, order_no)) == 1000
    assert not await stage.sql("SELECT FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL", o=order_no)


async def test_a_refused_refund_is_paid_as_store_credit(stage: Stage) -> None:
    order_no = await booked(stage)
    opened = await refused(stage, order_no)
    await resolved(stage, order_no, "amend", {"method": "store_credit"})
    await paid_out(stage, opened)
    credit = "SELECT sum(balance_delta) FROM store_credit_entries WHERE order_no = :o"
    assert (given_back(stage, order_no), (await stage.sql(credit, o=order_no))[0][0]) == ([], 400)
    assert "store_credit_granted" in await stage.events(order_no)
    await stage.carrier_says(order_no, "delivered")
    await stage.reaches(order_no, "delivered", 60)


async def late_success(stage: Stage, refund_id: str) -> None:
    """The provider pays what it had refused: the database has no room for it, the order goes on, an alert is sent
    that the customer has the money twice."""
    row = (
        await stage.sql(
            "SELECT order_no, idempotency_key, amount_minor FROM payments WHERE refund_id = :r AND status = 'failed'",
            r=refund_id,
        )
    )[0]
    fact = {"provider_ref": "late-1", "kind": "refund", "status": "succeeded", "amount_minor": row.amount_minor}
    fact |= {"currency": "CNY", "idempotency_key": row.idempotency_key}
    await stage.inbox("payment", row.order_no, fact)

    async def received() -> bool:
        rows = await stage.sql("SELECT outcome, reason FROM inbox WHERE fact ->> 'provider_ref' = 'late-1'")
        return tuple(rows[0]) == ("unapplied", "paid_twice")

    await eventually(received)
    async with stage.database.begin() as conn:
        causes = await DETECTORS[Kind.FACTS_UNAPPLIED](conn, stage.settings)
        found = [row.order_no for row in await provider_cases.facts(conn) if row.reason == "paid_twice"]
    assert [cause.facts["told"] for cause in causes if "paid_twice" in cause.detail["reasons"]] == ["payment"]
    assert row.order_no in found


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


async def test_what_waits_for_an_approver_is_paid_after_the_approval(stage: Stage) -> None:
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


async def test_surplus_money_of_a_closed_order_that_temporal_forgot_is_given_back_by_recovery(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    await cancel(stage, order_no)
    await stage.handle(order_no).result()
    surplus = stage.sandbox.call("/payments/pay", {"order_no": order_no, "amount_minor": 600, "currency": "CNY"})
    await stage.sql(
        "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
        "idempotency_key, provider_ref) VALUES (:o, 'capture', 'stray', 0, 'sandbox', 600, 'CNY', 'succeeded', :k, :r)",
        o=order_no,
        k=surplus["idempotency_key"],
        r=surplus["id"],
    )
    place = Place(Part.OWING, order_no[:-1])
    found, _ = await restart_page(stage.client, stage.database, stage.settings.task_queue, place, 1)
    assert (found.open_orders, found.started) == (1, 1)
    await stage.handle(order_no).result()
    assert given_back(stage, order_no) == [600]
    assert (await restart_page(stage.client, stage.database, stage.settings.task_queue, place, 1))[0].started == 0


@pytest.mark.parametrize("bounce_first", [True, False], ids=["a bounce first", "a late capture first"])
async def test_facts_about_an_order_that_temporal_forgot_are_applied_in_the_order_in_which_they_come(
    stage: Stage, bounce_first: bool
) -> None:
    order_no = await booked(stage)
    opened = await refund(stage, order_no, amount_minor=400)
    await paid_out(stage, opened)
    (paid,) = await stage.sql("SELECT provider_ref, idempotency_key FROM payments WHERE refund_id = :r",
                              r=opened.refund_id)  # fmt: skip
    await stage.handle(order_no).terminate("lost")
    surplus = stage.sandbox.call("/payments/pay", {"order_no": order_no, "amount_minor": 700, "currency": "CNY"})
    bounce = {"provider_ref": paid.provider_ref, "kind": "refund", "status": "failed", "amount_minor": 400}
    bounce |= {"currency": "CNY", "idempotency_key": paid.idempotency_key, "error_code": "account_closed"}
    late = {"provider_ref": surplus["id"], "kind": "capture", "status": "succeeded", "amount_minor": 700}
    late |= {"currency": "CNY", "idempotency_key": surplus["idempotency_key"]}
    facts = [bounce, late] if bounce_first else [late, bounce]
    await stage.inbox("payment", order_no, facts[0])
    await restart_page(stage.client, stage.database, stage.settings.task_queue, Place(Part.ORDERS, order_no[:-1]), 1)
    await stage.inbox("payment", order_no, facts[1])
    await eventually(lambda: 700 in given_back(stage, order_no), 60)
    assert (await stage.parked(order_no, 60)).error == "refund_bounced"
    await delivered_to_the_window(stage, order_no)
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)
    assert sorted(given_back(stage, order_no)) == [400, 400, 700]


async def test_the_void_of_an_authorisation_that_has_expired_is_done(stage: Stage) -> None:
    order_no = await stage.place(token="tok_review")
    await stage.parked(order_no)
    (hold_on,) = await stage.sql("SELECT provider_ref FROM payments WHERE order_no = :o", o=order_no)
    stage.sandbox.call(f"/payments/{hold_on.provider_ref}/expire", {})
    await cancel(stage, order_no)
    await stage.reaches(order_no, "cancelled", 60)
    voids = await stage.sql(
        "SELECT status, provider_ref FROM payments WHERE order_no = :o AND kind = 'void'", o=order_no
    )
    assert [tuple(row) for row in voids] == [("succeeded", f"{hold_on.provider_ref}:expired")]


async def held_and_paid(stage: Stage) -> tuple[str, int]:
    """A paid order that a hold keeps from being booked, and the hold."""
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    hold_no = await hold(stage, order_no, "address")
    await pay_again(stage, order_no)
    await stage.reaches(order_no, "paid")
    return order_no, hold_no


async def test_a_pending_refund_holds_up_neither_booking_nor_another_refund_and_is_asked_about(stage: Stage) -> None:
    order_no, hold_no = await held_and_paid(stage)
    stage.fault("payments", "pending", 1, order_no=order_no, kind="refund")
    slow = await refund(stage, order_no, amount_minor=300)
    row = await pending(stage, slow.refund_id)
    quick = await refund(stage, order_no, amount_minor=200)
    await paid_out(stage, quick)
    await release(stage, order_no, hold_no)
    await stage.reaches(order_no, "preparing")
    await delivered_to_the_window(stage, order_no)
    assert (await status_of(stage, slow.refund_id), given_back(stage, order_no)) == ("approved", [200])
    stage.sandbox.call(f"/payments/{row.provider_ref}/decide", {"status": "succeeded"})
    await paid_out(stage, slow)
    assert sorted(given_back(stage, order_no)) == [200, 300]
    kinds = await stage.events(order_no)
    assert ("step_parked" in kinds, kinds.count("refund_pending"), kinds.count("payment_refunded")) == (False, 1, 2)


async def test_the_providers_notification_ends_a_pending_refund_of_a_closed_order(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "pending", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=300)
    row = await pending(stage, opened.refund_id)
    await delivered_to_the_window(stage, order_no)
    await close_the_window(stage, order_no)
    fact = {"provider_ref": row.provider_ref, "kind": "refund", "status": "succeeded", "amount_minor": 300}
    await stage.inbox("payment", order_no, fact | {"currency": "CNY", "idempotency_key": row.idempotency_key})
    await paid_out(stage, opened)
    assert await stage.handle(order_no).result() == "completed"


async def test_a_pending_refund_that_is_refused_parks_and_is_paid_by_the_retry(stage: Stage) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "pending", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=300)
    row = await pending(stage, opened.refund_id)
    stage.sandbox.call(f"/payments/{row.provider_ref}/decide", {"status": "failed"})
    parked = await stage.parked(order_no)
    assert (parked.step, parked.amount_minor) == ("refund", 300)
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [300]


async def test_a_pending_refund_whose_notification_says_refused_parks_and_is_not_sent_again(stage: Stage) -> None:
    """The provider would take it and refuse it later, again and again, and nobody would know."""
    order_no = await booked(stage)
    stage.fault("payments", "pending", 10, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=300)
    row = await pending(stage, opened.refund_id)
    body = {"kind": "refund", "status": "failed", "error_code": "expired_card", "currency": "CNY", "amount_minor": 300}
    await stage.inbox("payment", order_no, {**body, "provider_ref": row.provider_ref})
    parked = await stage.parked(order_no, 60)
    assert (parked.step, parked.error, parked.subject) == ("refund", "expired_card", opened.refund_id)
    assert refunds_at_provider(stage, order_no) == ["pending"]
    stage.sandbox.http.delete("/faults")
    await resolved(stage, order_no, "retry")
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [300]


async def test_an_order_is_cancelled_once_its_pending_refunds_are_decided_and_returns_all_else_meanwhile(
    stage: Stage,
) -> None:
    order_no = await booked(stage)
    stage.fault("payments", "pending", 1, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=300)
    row = await pending(stage, opened.refund_id)
    await cancel(stage, order_no)
    await eventually(lambda: given_back(stage, order_no) == [700])
    stage.sandbox.call(f"/payments/{row.provider_ref}/decide", {"status": "succeeded"})
    await stage.reaches(order_no, "cancelled", 60)
    assert sorted(given_back(stage, order_no)) == [300, 700]
    assert "step_parked" not in await stage.events(order_no)


async def test_surplus_money_whose_return_is_pending_holds_up_nothing(stage: Stage) -> None:
    order_no, hold_no = await held_and_paid(stage)
    stage.fault("payments", "pending", 1, order_no=order_no, kind="refund")
    body = {"order_no": order_no, "amount_minor": 600, "currency": "CNY"}
    surplus = stage.sandbox.call("/payments/pay", body)
    fact = {name: surplus[name] for name in ("kind", "status", "amount_minor", "currency", "idempotency_key")}
    await stage.inbox("payment", order_no, fact | {"provider_ref": surplus["id"]})

    async def back(status: str) -> Any:
        return await stage.sql(
            "SELECT * FROM payments WHERE order_no = :o AND kind = 'refund' AND purpose = 'stray' AND status = :s",
            o=order_no,
            s=status,
        )

    row = (await eventually(lambda: back("pending"), 60))[0]
    await release(stage, order_no, hold_no)
    await stage.reaches(order_no, "preparing", 60)
    stage.sandbox.call(f"/payments/{row.provider_ref}/decide", {"status": "succeeded"})
    await eventually(lambda: back("succeeded"), 60)
    assert (given_back(stage, order_no), "step_parked" in await stage.events(order_no)) == ([600], False)


async def test_booking_goes_on_while_a_refund_is_tried_again_and_again(stage: Stage) -> None:
    order_no, hold_no = await held_and_paid(stage)
    stage.fault("payments", "error", 1000, order_no=order_no)
    opened = await refund(stage, order_no, amount_minor=300)
    await eventually(
        lambda: stage.sql("SELECT FROM retrying_steps WHERE order_no = :o AND step = 'refund'", o=order_no), 60
    )
    await release(stage, order_no, hold_no)
    await stage.reaches(order_no, "preparing", 60)
    assert await status_of(stage, opened.refund_id) == "approved"
    stage.sandbox.http.delete("/faults")
    await paid_out(stage, opened)


async def close_the_window(stage: Stage, order_no: str) -> None:
    await stage.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', '\"2020-01-01T00:00:00+00:00\"') "
        "WHERE order_no = :o",
        o=order_no,
    )
    await stage.handle(order_no).signal("carrier_reported")
    await stage.reaches(order_no, "completed")
