"""What happens at Stripe without us: each of its objects is one payment, in whatever order it is reported."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from domain.alerts import Kind
from domain.gateways import PaymentNotification
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from infra.db.alerts.order_rules import DETECTORS
from infra.db.messaging import inbox
from infra.db.payments import provider_events
from infra.db.payments.provider_events import ReportedPayment
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import paid_out, refund, status_of
from tests.order_stage import eventually
from tests.workflows.orders.test_order import cancel
from tests.workflows.payments.stripe_stage import (
    PRICE_MINOR,
    AtStripe,
    at_stripe,
    bounced,
    dispute,
    paid,
    refunds_of,
    totals,
    unpaid,
)
from workflows import names
from workflows import payloads as m


@pytest.fixture(scope="module")
async def shop(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AtStripe]:
    async with at_stripe(database_url, temporal, tmp_path_factory.mktemp("at-stripe")) as opened:
        yield opened


@pytest.mark.parametrize("first", ["authorised", "captured"])
async def test_notifications_about_one_payment_intent_are_one_payment(shop: AtStripe, first: str) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    taken = await shop.api(f"/payment_intents/{intent['id']}/capture")
    reported = [("payment_intent.amount_capturable_updated", intent), ("payment_intent.succeeded", taken)]
    for event, about in reported if first == "authorised" else reported[::-1]:
        for _ in range(2):
            await shop.notify(event, about)
    await shop.stage.reaches(order_no, "preparing")
    await shop.applied(order_no)
    assert await shop.payment_rows(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("capture", "order", "succeeded", PRICE_MINOR),
    ]
    events = await shop.stage.events(order_no)
    assert events.count("payment_captured") == 1
    assert not {"payment_returned", "payment_voided", "payment_refunded", "payment_declined", "step_parked"} & {*events}


async def test_an_authorisation_that_fits_is_captured_and_not_voided(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    await shop.notify("payment_intent.amount_capturable_updated", intent)
    await shop.stage.reaches(order_no, "preparing")
    assert (await shop.http.get(f"/payment_intents/{intent['id']}")).json()["status"] == "succeeded"
    # Stripe tells of our own capture, too.
    await shop.notify("payment_intent.succeeded", (await shop.http.get(f"/payment_intents/{intent['id']}")).json())
    await shop.applied(order_no)
    kinds = [(kind, purpose) for kind, purpose, *_ in await shop.payment_rows(order_no)]
    assert kinds == [("authorise", "order"), ("capture", "order")]


async def test_an_authorisation_that_does_not_fit_is_given_up_and_nobody_is_informed_of_money(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, amount_minor=7)
    await shop.notify("payment_intent.amount_capturable_updated", intent)

    async def voided() -> bool:
        return ("void", "stray", "succeeded", 7) in await shop.payment_rows(order_no)

    await eventually(voided)
    assert (await shop.http.get(f"/payment_intents/{intent['id']}")).json()["status"] == "canceled"
    assert "payment_returned" not in await shop.stage.events(order_no)
    assert await shop.stage.status(order_no) == "pending_payment"


async def test_a_void_of_the_dashboard_ends_the_payment_in_whatever_order_it_is_reported(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    gone = await shop.api(f"/payment_intents/{intent['id']}/cancel")
    await shop.notify("payment_intent.canceled", gone)
    assert await shop.applied(order_no) == ["early"]
    await shop.notify("payment_intent.amount_capturable_updated", intent)
    assert set(await shop.applied(order_no)) == {"voided", "authorised"}
    assert await shop.payment_rows(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("void", "order", "succeeded", PRICE_MINOR),
    ]
    # The order waits for another payment, and takes it.
    again = await shop.intent(order_no, capture="automatic")
    await shop.notify("payment_intent.succeeded", again)
    await shop.stage.reaches(order_no, "preparing")


async def test_a_refund_of_the_dashboard_takes_its_room_and_comes_once(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    refund = await shop.refund(intent, 300)
    for event in ("refund.created", "refund.updated"):
        await shop.notify(event, refund)
    assert await shop.applied(order_no) == ["paid", "refunded", "known"]
    assert await shop.left_minor(order_no) == PRICE_MINOR - 300
    rows = await shop.stage.sql(
        "SELECT origin, status, amount_minor, refunded_minor FROM refunds JOIN order_lines USING (order_no)"
        " WHERE order_no = :o",
        o=order_no,
    )
    assert [tuple(row) for row in rows] == [("provider", "succeeded", 300, 300)]
    assert (await shop.stage.events(order_no)).count("payment_refunded") == 1


async def test_a_refund_that_is_reported_before_its_capture_waits_for_it(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, capture="automatic")
    await shop.notify("refund.created", await shop.refund(intent, PRICE_MINOR))
    await shop.notify("payment_intent.succeeded", intent)

    async def refunded() -> bool:
        return set(await shop.outcomes(order_no)) == {"paid", "refunded"}

    await eventually(refunded)
    assert await shop.left_minor(order_no) == 0


@pytest.mark.parametrize("first", ["refund", "capture"])
async def test_a_refund_that_names_no_order_and_its_capture_at_the_same_moment_find_each_other(
    shop: AtStripe, first: str
) -> None:
    order_no = await unpaid(shop)
    capture = ReportedPayment(
        order_no, "stripe", PaymentKind.CAPTURE, PRICE_MINOR, "CNY", f"ch_{order_no}", PaymentPurpose.ORDER
    )
    notice = PaymentNotification(
        f"evt_{order_no}", "", f"re_{order_no}", PaymentKind.REFUND, PaymentStatus.SUCCEEDED, 100, "CNY",
        parent_ref=capture.ref,
    )  # fmt: skip
    actions = {
        "refund": lambda conn: inbox.keep_payment(conn, "stripe", notice),
        "capture": lambda conn: provider_events.record(conn, capture),
    }
    (second,) = {*actions} - {first}

    async def later() -> None:
        async with shop.stage.database.begin() as conn:
            await actions[second](conn)

    async def waits() -> bool:
        locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(await shop.stage.sql(locks))

    async with shop.stage.database.begin() as conn:
        await actions[first](conn)
        task = asyncio.create_task(later())
        await eventually(waits)
    await task
    rows = await shop.stage.sql("SELECT order_no FROM inbox WHERE event_id = :e", e=notice.event_id)
    assert [tuple(row) for row in rows] == [(order_no,)]


async def test_a_refund_that_bounces_is_open_again_and_a_person_decides_how_it_is_paid(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    opened = await refund(shop.stage, order_no, amount_minor=300)
    await paid_out(shop.stage, opened)
    [first] = await refunds_of(shop, intent)
    for _ in range(2):
        await shop.notify("refund.failed", bounced(first))
        await shop.applied(order_no)
    # An older notification that comes late changes nothing.
    await shop.notify("refund.updated", first)
    assert await shop.applied(order_no) == ["paid", "reversed", "known", "known"]
    parked = await shop.stage.parked(order_no, 60)
    assert (parked.step, parked.error, parked.amount_minor) == ("refund", "refund_bounced", 300)
    assert (await status_of(shop.stage, opened.refund_id), await totals(shop, order_no)) == ("approved", (0, 300))
    entries = await shop.stage.sql(
        "SELECT p.kind, l.debit_account, l.credit_account, l.amount_minor FROM payment_ledger l JOIN payments p"
        " USING (payment_id) WHERE l.order_no = :o AND p.kind LIKE 'refund%' ORDER BY entry_id",
        o=order_no,
    )
    assert [tuple(row) for row in entries] == [
        ("refund", "customer_funds", "receivable:stripe", 300),
        ("refund_reversed", "receivable:stripe", "customer_funds", 300),
    ]
    assert (await shop.stage.events(order_no)).count("refund_bounced") == 1
    # Support has it paid once more: under a key of its own, and once.
    request = m.ResolveRequest(order_no, await shop.stage.resolution(order_no, "retry"), "retry")
    await shop.stage.handle(order_no).execute_update(names.RESOLVE, request)
    await paid_out(shop.stage, opened)
    assert await totals(shop, order_no) == (300, 0)
    assert len(await refunds_of(shop, intent)) == 2
    assert (await shop.stage.events(order_no)).count("payment_refunded") == 2


async def test_a_refund_of_the_dashboard_that_bounces_comes_back_to_the_database(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    made = await shop.refund(intent, 300)
    await shop.notify("refund.created", made)
    await shop.applied(order_no)
    await shop.notify("refund.failed", bounced(made))
    assert await shop.applied(order_no) == ["paid", "refunded", "reversed"]
    assert (await shop.stage.parked(order_no, 60)).error == "refund_bounced"
    assert await totals(shop, order_no) == (0, 300)


async def test_what_bounces_of_a_cancelled_order_goes_back_once_a_person_has_decided(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await cancel(shop.stage, order_no)
    await shop.stage.reaches(order_no, "cancelled")
    [made] = await refunds_of(shop, intent)
    await shop.notify("refund.failed", bounced(made))
    assert (await shop.applied(order_no))[-1] == "reversed"
    parked = await shop.stage.parked(order_no, 60)
    assert (parked.step, parked.error) == ("return_payment", "refund_bounced")
    assert await totals(shop, order_no) == (0, 0)
    request = m.ResolveRequest(order_no, await shop.stage.resolution(order_no, "retry"), "retry")
    await shop.stage.handle(order_no).execute_update(names.RESOLVE, request)

    async def returned() -> bool:
        return await totals(shop, order_no) == (PRICE_MINOR, 0)

    await eventually(returned, 60)


async def test_a_dispute_takes_the_money_until_it_is_won(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    for event in ("charge.dispute.created", "charge.dispute.funds_withdrawn"):
        await shop.notify(event, dispute(intent, "needs_response"))
    assert await shop.applied(order_no) == ["paid", "disputed", "known"]
    assert await shop.left_minor(order_no) == 0
    async with shop.stage.database.begin() as conn:
        (cause,) = await DETECTORS[Kind.DISPUTED](conn, shop.stage.settings)
    assert (cause.facts, cause.count) == ({"provider": "stripe"}, 1)
    assert cause.amounts == [{"currency": "CNY", "amount_minor": PRICE_MINOR}]
    await shop.notify("charge.dispute.closed", dispute(intent, "won"))
    await shop.notify("charge.dispute.funds_reinstated", dispute(intent, "won"))
    assert (await shop.applied(order_no))[-2:] == ["won", "known"]
    assert await shop.left_minor(order_no) == PRICE_MINOR
    posted = await shop.stage.sql(
        "SELECT p.kind, l.debit_account FROM payment_ledger l JOIN payments p USING (payment_id)"
        " WHERE p.order_no = :o ORDER BY l.entry_id",
        o=order_no,
    )
    assert [tuple(row) for row in posted][-2:] == [
        ("dispute", "customer_funds"),
        ("dispute_won", "receivable:stripe"),
    ]
    events = [event for event in await shop.stage.events(order_no) if event.startswith("dispute_")]
    assert events == ["dispute_opened", "dispute_won"]


async def test_a_lost_dispute_of_what_is_left_stays_taken(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.notify("refund.created", await shop.refund(intent, 400))
    await shop.notify("charge.dispute.closed", dispute(intent, "lost"))
    assert await shop.applied(order_no) == ["paid", "refunded", "lost"]
    assert await shop.left_minor(order_no) == 0
    rows = await shop.stage.sql("SELECT d.status, p.amount_minor FROM disputes d JOIN payments p USING (payment_id)"
                                " WHERE d.order_no = :o", o=order_no)  # fmt: skip
    assert [tuple(row) for row in rows] == [("lost", 600)]


async def test_a_dispute_of_what_was_refunded_is_on_the_timeline_once(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.notify("refund.created", await shop.refund(intent, PRICE_MINOR))
    for event, status in (("created", "needs_response"), ("updated", "under_review"), ("closed", "won")):
        await shop.notify(f"charge.dispute.{event}", dispute(intent, status))
    await shop.applied(order_no)
    assert (await shop.stage.events(order_no)).count("dispute_opened") == 1
    assert await shop.left_minor(order_no) == 0
