"""Orders on payment terms: shipped first, paid later, within the customer's credit at every moment."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from temporalio.client import WorkflowUpdateFailedError

from domain.payments.refunds import Origin
from infra.db.checks import consistency_checks
from infra.db.orders.state import timeline
from infra.db.payments import receivables, refunds
from infra.db.payments.refund_plans import NewRefund
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.order_stage import Stage, eventually, staged
from tests.workflows.on_terms import Buyer, buyer, owed, pay, place_on_terms, used
from tests.workflows.orders.test_order import cancel
from workers.relay.overdue_payments import OverduePayments


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder: Path = tmp_path_factory.mktemp("stage")
    async with staged(database_url, temporal.address, folder) as opened:
        await opened.stock("TEA", 1000)
        yield opened


@pytest.fixture
async def on_terms(stage: Stage) -> Buyer:
    return await buyer(stage)


async def delivered(stage: Stage, order_no: str) -> None:
    await stage.reaches(order_no, "preparing")
    await stage.carrier_says(order_no, "picked_up", "delivered")
    await stage.reaches(order_no, "delivered")


async def refunded(stage: Stage, order_no: str, amount_minor: int) -> None:
    """Support refunds so much, and it is done."""
    refund_id = f"rf_{order_no[-6:]}{amount_minor}"
    async with stage.database.begin() as conn:
        new = NewRefund(refund_id, order_no, Origin.SUPPORT, "support:s", "late", amount_minor=amount_minor)
        await refunds.open_refund(conn, None, new)
    await eventually(
        lambda: stage.sql("SELECT 1 FROM refunds WHERE refund_id = :r AND status = 'succeeded'", r=refund_id)
    )


async def test_an_order_on_terms_ships_unpaid_and_is_completed_once_it_is_paid(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms, 3)
    assert (await owed(stage, order_no), await used(stage, on_terms)) == (3000, 3000)
    await delivered(stage, order_no)
    assert stage.payments(order_no) == [], "nothing is authorised before it is due"
    due = await stage.sql(
        "SELECT due_at - r.created_at BETWEEN interval '30 days' AND interval '30 days 1 hour' FROM receivables r"
        " WHERE order_no = :o",
        o=order_no,
    )
    assert due[0][0]
    assert (await pay(stage, order_no, "tok_decline")).outcome == "failed"
    assert await stage.status(order_no) == "delivered"
    answer = await pay(stage, order_no)
    assert answer.outcome == "captured"
    await stage.reaches(order_no, "completed")
    assert (await owed(stage, order_no), await used(stage, on_terms)) == (0, 0)
    assert stage.payments(order_no)[-2:] == [("authorise", "succeeded"), ("capture", "succeeded")]
    events = await stage.events(order_no)
    assert events[:3] == ["order_placed", "stock_reserved", "payment_on_terms"]
    assert events[-2:] == ["terms_paid", "return_window_closed"]
    assert await stage.handle(order_no).result() == "completed"


async def test_what_is_paid_is_not_paid_again(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms)
    await stage.reaches(order_no, "preparing")
    await pay(stage, order_no)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await pay(stage, order_no)
    assert getattr(refused.value.cause, "type", None) == "already_paid"
    assert len(stage.payments(order_no)) == 2


async def test_a_payment_that_is_decided_later_holds_up_nothing(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms)
    await stage.reaches(order_no, "preparing")
    assert (await pay(stage, order_no, "tok_pending")).outcome == "pending"
    await delivered(stage, order_no)
    await stage.reaches(order_no, "completed")  # the notification of the provider came meanwhile
    assert (await owed(stage, order_no), await used(stage, on_terms)) == (0, 0)


async def test_a_refund_before_the_payment_lowers_what_is_owed(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms, 2)
    await stage.reaches(order_no, "preparing")
    await refunded(stage, order_no, 700)
    assert (await owed(stage, order_no), await used(stage, on_terms)) == (1300, 1300)
    await pay(stage, order_no)
    captures = "SELECT amount_minor FROM payments WHERE order_no = :o AND purpose = 'terms' AND kind = 'capture'"
    assert [row[0] for row in await stage.sql(captures, o=order_no)] == [1300]
    await refunded(stage, order_no, 300)
    assert ("refund", "succeeded") in stage.payments(order_no), "what was paid goes back where it came from"
    assert await owed(stage, order_no) == 0


async def test_a_cancellation_returns_what_was_paid_and_releases_the_credit(stage: Stage, on_terms: Buyer) -> None:
    unpaid, paid = await place_on_terms(stage, on_terms, 2), await place_on_terms(stage, on_terms)
    for order_no in (unpaid, paid):
        await stage.reaches(order_no, "preparing")
    await pay(stage, paid)
    for order_no in (unpaid, paid):
        await cancel(stage, order_no)
        await stage.reaches(order_no, "cancelled")
    assert stage.payments(unpaid) == []
    assert stage.payments(paid)[-1] == ("refund", "succeeded")
    assert await used(stage, on_terms) == 0


async def test_a_transfer_pays_a_part_and_the_rest_is_paid_by_card(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms, 2)
    await delivered(stage, order_no)
    async with stage.database.begin() as conn:
        left = await receivables.record_transfer(conn, order_no, 500, "BANK-1", order_no, "finance:f")
    assert left.owed_minor == 1500
    assert (await pay(stage, order_no)).outcome == "captured"
    await stage.reaches(order_no, "completed")
    assert await used(stage, on_terms) == 0


async def test_a_transfer_of_all_that_is_owed_completes_a_delivered_order(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms)
    await delivered(stage, order_no)
    async with stage.database.begin() as conn:
        await receivables.record_transfer(conn, order_no, None, "BANK-2", order_no, "finance:f")
    await stage.reaches(order_no, "completed")


async def test_an_order_that_is_owed_is_not_completed(stage: Stage, on_terms: Buyer) -> None:
    """The database refuses it too."""
    order_no = await place_on_terms(stage, on_terms)
    await delivered(stage, order_no)
    async with stage.database.begin() as conn:
        assert not await timeline.complete(conn, order_no)
    with pytest.raises(Exception, match="completed once it is paid"):
        await stage.sql(
            "INSERT INTO order_events (order_no, type, from_status, to_status, data, actor) VALUES"
            " (:o, 'return_window_closed', 'delivered', 'completed', '{}', 'x') RETURNING 1",
            o=order_no,
        )


async def test_an_overdue_payment_is_reminded_of_once_and_becomes_finances(stage: Stage, on_terms: Buyer) -> None:
    order_no = await place_on_terms(stage, on_terms)
    await delivered(stage, order_no)
    async with stage.owner.begin() as conn:  # a month goes by
        await conn.execute(text("SET LOCAL session_replication_role = replica"))
        late = "UPDATE receivables SET due_at = now() - interval '1 day' WHERE order_no = :o"
        await conn.execute(text(late), {"o": order_no})
    overdue = OverduePayments(stage.database, stage.settings.model_copy(update={"overdue_escalation_s": 0}))
    for _ in range(2):
        await overdue.step()
    assert (await stage.events(order_no)).count("payment_overdue") == 1
    async with stage.database.begin() as conn:
        assert await receivables.escalated(conn) == 1
    await pay(stage, order_no)
    async with stage.database.begin() as conn:
        assert await receivables.escalated(conn) == 0


async def test_no_order_goes_beyond_the_limit(stage: Stage) -> None:
    small = await buyer(stage, 2500)
    await place_on_terms(stage, small, 2)
    with pytest.raises(IntegrityError, match="credit_within_limit"):
        await place_on_terms(stage, small)
    await stage.sql(
        "UPDATE credit_accounts SET limit_minor = 500 WHERE customer_id = :c RETURNING 1", c=small.customer_id
    )
    with pytest.raises(IntegrityError, match="credit_within_limit"):
        await place_on_terms(stage, small)
    assert await used(stage, small) == 2000


async def test_ledger_and_receivables_balance(stage: Stage) -> None:
    """After all of the above."""
    async with stage.database.begin() as conn:
        results = [await consistency_checks.run_checks(conn, check) for check in consistency_checks.CHECKS]
    assert [(result.question.code, result.examples) for result in results if not result.right] == []
