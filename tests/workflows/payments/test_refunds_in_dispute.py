"""What a provider does while we ask the same ourselves, and refunds whose money it takes away."""

import json
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from activities.payments.provider_events import payment_fact
from domain.gateways import GatewayResult
from domain.payments.refunds import Origin, RefundStatus
from domain.payments.transactions import PaymentKind, PaymentStatus
from infra.db.approvals.approval_limits import Limits
from infra.db.customers.profiles import KeyRing
from infra.db.messaging import inbox
from infra.db.payments import refunds, transactions
from infra.db.payments.refund_plans import NewRefund
from infra.db.payments.refunds import OpenedRefund
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.contract.payment_bench import stripe_signed
from tests.factories.refunds import decide, given_back, paid_out, refund, status_of
from tests.order_stage import Stage, eventually
from tests.workflows.orders.test_order import cancel
from tests.workflows.payments.stripe_stage import (
    PRICE_MINOR,
    AtStripe,
    at_stripe,
    charge_of,
    dispute,
    paid,
    refunds_of,
    totals,
    unpaid,
)


@pytest.fixture(scope="module")
async def shop(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, temporal, tmp_path_factory.mktemp("at-stripe")) as opened:
        yield opened


# ── while we ask the same ourselves ────────────────────────────────────────────────────────────────────────────────


async def in_flight(shop: AtStripe, kinds: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """An order whose own calls Stripe has not answered yet: rows of `kinds` {kind: status}, and the PaymentIntent."""
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, capture="automatic")
    request = "INSERT INTO payment_requests VALUES (:o || '/1', :o, 1, 'stripe', 'pm_card_visa', 'test', now())"
    await shop.stage.sql(request, o=order_no)
    parent = None
    for kind, status in kinds.items():
        rows = await shop.stage.sql(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
            " provider_ref, parent_id, tries) VALUES (:o, :k, 1, 'stripe', 1000, 'CNY', :s, :o || '/' || :k || '/1',"
            " :ref, CAST(:parent AS bigint), 1) RETURNING payment_id",
            o=order_no, k=kind, s=status, parent=parent, ref=intent["id"] if status == "succeeded" else None,
        )  # fmt: skip
        parent = rows[0][0]
    intent["metadata"]["idempotency_key"] = f"{order_no}/authorise/1"
    return order_no, intent


@pytest.mark.parametrize(
    "kinds",
    [{"authorise": "intent"}, {"authorise": "succeeded"}, {"authorise": "succeeded", "capture": "intent"}],
    ids=["before the authorisation's answer", "before our capture", "before our capture's answer"],
)
async def test_a_capture_of_the_dashboard_is_the_payment_that_we_asked_for(
    shop: AtStripe, kinds: dict[str, str]
) -> None:
    order_no, intent = await in_flight(shop, kinds)
    await shop.notify("payment_intent.succeeded", intent)
    await shop.stage.reaches(order_no, "preparing")
    assert await shop.payment_rows(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("capture", "order", "succeeded", PRICE_MINOR),
    ]
    # The answer to our own call comes at last: it is fenced off.
    async with shop.stage.database.begin() as conn:
        own = (await transactions.transactions_of(conn, order_no))[-1]
        first_try = replace(transactions.stored_of(own, order_no), tries=1)
        late = GatewayResult(PaymentStatus.SUCCEEDED, charge_of(intent), PRICE_MINOR)
        assert not await transactions.finish(conn, first_try, late)


async def test_a_refund_of_ours_that_is_refused_is_paid_by_the_same_one_of_the_dashboard(shop: AtStripe) -> None:
    stage = shop.stage
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    capture = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"][-1]
    body = {"amount_minor": PRICE_MINOR, "currency": "CNY", "at_provider": True}
    made = stage.sandbox.http.post(f"/payments/{capture['id']}/refund", json=body).json()
    opened = await refund(stage, order_no, amount_minor=PRICE_MINOR)
    assert (await stage.parked(order_no)).step == "refund"
    await stage.inbox("payment", order_no, {**made, "provider_ref": made["id"], "parent_ref": made["parent_id"]})
    await paid_out(stage, opened)
    assert await shop.left_minor(order_no) == 0

    async def resolved() -> bool:
        rows = await stage.sql("SELECT resolved_at FROM parked_steps WHERE order_no = :o", o=order_no)
        return all(row[0] for row in rows)

    await eventually(resolved)
    assert len(await stage.sql("SELECT 1 FROM refunds WHERE order_no = :o", o=order_no)) == 1


@pytest.mark.parametrize("kind", ["refund", "dispute"])
async def test_a_refund_of_ours_yields_to_what_the_provider_has_taken(shop: AtStripe, kind: str) -> None:
    order_no, intent = await paid(shop)
    opened = await refund(shop.stage, order_no, amount_minor=800, limits=Limits(1))
    if kind == "refund":
        await shop.notify("refund.created", await shop.refund(intent, 500))
    else:
        await shop.notify("charge.dispute.created", dispute(intent, "needs_response", 500))
    await shop.applied(order_no)
    assert await status_of(shop.stage, opened.refund_id) == "overtaken"
    assert await shop.left_minor(order_no) == 500
    assert "refund_overtaken" in await shop.stage.events(order_no)


# What Stripe tells of a dispute, in the order in which it comes: a late or repeated notification is old news.
ORDERS_OF_EVENTS = {
    "as it happened": (("created", "needs_response"), ("updated", "under_review"), ("closed", "won")),
    "the end first": (("closed", "won"), ("created", "needs_response"), ("updated", "under_review")),
    "twice": (("created", "needs_response"), ("closed", "won"), ("funds_reinstated", "won"), ("closed", "won")),
    "lost": (("created", "needs_response"), ("closed", "lost")),
}


async def overtaken(shop: AtStripe, reported: dict[str, Any], order_no: str, **options: Any) -> OpenedRefund:
    """A refund that nobody has paid yet when the notification is applied."""
    body = json.dumps(
        {"id": f"evt_{secrets.token_hex(8)}", "type": reported["type"], "data": {"object": reported["object"]}}
    )
    notice = shop.gateway.parse_notification(stripe_signed(body.encode(), time.time()), body.encode())
    assert notice is not None
    ask = NewRefund(f"rf_{secrets.token_hex(16)}", order_no, Origin.SUPPORT, "support:ann", "because", **options)
    async with shop.stage.database.begin() as conn:
        opened = await refunds.open_refund(conn, KeyRing(shop.stage.vault), ask)
        await inbox.keep_payment(conn, "stripe", notice)
        kept = [event.payment for event in await inbox.open_facts(conn, order_no)]
        (dispute,) = (fact for fact in kept if fact.kind is PaymentKind.DISPUTE)
        await payment_fact(conn, order_no, "stripe", dispute)
    return opened


@pytest.mark.parametrize("text", ORDERS_OF_EVENTS)
async def test_a_refund_that_gave_way_to_a_dispute_is_paid_once_when_it_is_won(shop: AtStripe, text: str) -> None:
    """What was promised is due again with the money; the bank's decision for the customer takes its place."""
    order_no, intent = await paid(shop)
    (first, status), *rest = ORDERS_OF_EVENTS[text]
    about = {"type": f"charge.dispute.{first}", "object": dispute(intent, status)}
    opened = await overtaken(shop, about, order_no, amount_minor=300)
    for event, status in rest:
        await shop.notify(f"charge.dispute.{event}", dispute(intent, status))
    await shop.applied(order_no)
    if text == "lost":
        assert await status_of(shop.stage, opened.refund_id) == "overtaken"
        assert (await refunds_of(shop, intent), await totals(shop, order_no)) == ([], (0, 0))
        return
    await paid_out(shop.stage, opened)
    assert len(await refunds_of(shop, intent)) == 1
    assert await totals(shop, order_no) == (300, 0)
    assert await shop.left_minor(order_no) == PRICE_MINOR - 300
    events = [event for event in await shop.stage.events(order_no) if event.startswith("refund_")]
    assert events == ["refund_opened", "refund_overtaken", "refund_reopened"]


async def test_what_waited_for_an_approver_waits_again_with_its_whole_time(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    opened = await refund(shop.stage, order_no, amount_minor=300, limits=Limits(1))
    await shop.notify("charge.dispute.created", dispute(intent, "needs_response"))
    await shop.applied(order_no)
    assert await status_of(shop.stage, opened.refund_id) == "overtaken"
    # Disputes last for weeks: nobody could have decided it meanwhile.
    lapsed = "UPDATE approvals SET asked_at = now() - interval '70 days', expires_at = now() - interval '67 days'"
    async with shop.stage.owner.begin() as conn:
        await conn.execute(text(lapsed + " WHERE approval_id = :a"), {"a": opened.approval_id})
    await shop.notify("charge.dispute.closed", dispute(intent, "won"))
    await shop.applied(order_no)
    assert await status_of(shop.stage, opened.refund_id) == "awaiting_approval"
    assert await totals(shop, order_no) == (0, 300)
    await decide(shop.stage, opened, order_no, RefundStatus.APPROVED)
    await paid_out(shop.stage, opened)
    assert len(await refunds_of(shop, intent)) == 1


async def test_a_refund_whose_money_was_given_otherwise_stays_overtaken(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    about = {"type": "charge.dispute.created", "object": dispute(intent, "needs_response", 500)}
    first = await overtaken(shop, about, order_no, amount_minor=800)
    second = await refund(shop.stage, order_no, amount_minor=500)
    await paid_out(shop.stage, second)
    await shop.notify("charge.dispute.closed", dispute(intent, "won", 500))
    await shop.applied(order_no)
    assert await status_of(shop.stage, first.refund_id) == "overtaken"
    assert await totals(shop, order_no) == (500, 0)
    assert await shop.left_minor(order_no) == 500


async def test_a_refund_whose_answer_was_lost_before_the_dispute_is_not_paid_a_second_time(shop: AtStripe) -> None:
    """It had gone through when it gave way: it is asked for under the key that it was begun with."""
    stage = shop.stage
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    capture = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"][-1]
    stage.fault("payments", "error", 1000, order_no=order_no, kind="refund")
    opened = await refund(stage, order_no, amount_minor=300)
    begun = "SELECT idempotency_key AS key FROM payments WHERE refund_id = :r"
    key = (await eventually(lambda: stage.sql(begun, r=opened.refund_id), 60))[0].key
    content = {"kind": "dispute", "provider_ref": f"dsp-{order_no}", "parent_ref": capture["id"], "status": "succeeded",
            "amount_minor": capture["amount_minor"], "currency": "CNY"}  # fmt: skip
    await stage.inbox("payment", order_no, content)
    await eventually(lambda: _has_status(stage, opened, "overtaken"), 60)
    stage.sandbox.http.delete("/faults")
    body = {"order_no": order_no, "amount_minor": 300, "currency": "CNY", "idempotency_key": key}
    done = stage.sandbox.http.post(f"/payments/{capture['id']}/refund", json=body)
    assert done.status_code < 300, done.text
    await stage.inbox("payment", order_no, {**content, "outcome": "won"})
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [300]


async def _has_status(stage: Stage, opened: OpenedRefund, status: str) -> bool:
    return await status_of(stage, opened.refund_id) == status


async def test_an_order_that_is_cancelled_returns_what_is_not_disputed(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.notify("charge.dispute.created", dispute(intent, "needs_response", 600))
    await shop.applied(order_no)
    await cancel(shop.stage, order_no)
    await shop.stage.reaches(order_no, "cancelled")
    assert ("refund", "order", "succeeded", 400) in await shop.payment_rows(order_no)
    # Won: of a cancelled order it goes back to the customer.
    await shop.notify("charge.dispute.closed", dispute(intent, "won", 600))

    async def given_back() -> bool:
        return ("refund", "stray", "succeeded", 600) in await shop.payment_rows(order_no)

    await eventually(given_back)
