"""What happens at Stripe without us: each of its objects is one payment, in whatever order it is told of."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from activities.payment_news import payment_fact
from domain.notices import Kind
from domain.payments import PaymentKind, PaymentStatus
from domain.refunds import Origin, RefundStatus
from infra.db import inbox, payment_facts, payments, refunds
from infra.db.audit_books import QUESTIONS, ask
from infra.db.customers import KeyRing
from infra.db.giving import Limits
from infra.db.notice_causes import DETECTORS
from infra.db.payment_facts import Told
from infra.db.payments import Intent
from infra.db.refund_plans import RefundAsk
from infra.db.refunds import OpenedRefund
from infra.gateways.protocol import PaymentNotice
from infra.gateways.stripe_payments import StripePayments
from infra.stack.temporal import TemporalServer
from tests.conftest import Books
from tests.contract.payment_bench import PATIENT_S, SECRET, stripe_signed
from tests.contract.processes import localstripe
from tests.contract.receiver import Receiver
from tests.infra.servers import serving
from tests.stage import Stage, eventually, staged
from tests.workflows.refunding import decide, given_back, paid_out, refund, status_of
from tests.workflows.test_order_story import cancel
from workflows import messages as m
from workflows import names

KEY = "sk_test_12345"
PRICE_MINOR = 1000


class AtStripe:
    """A stage whose customers pay at Stripe, and Stripe's dashboard."""

    def __init__(self, stage: Stage, url: str) -> None:
        self.stage = stage
        self.gateway = StripePayments(KEY, SECRET, PATIENT_S, url)
        self.http = httpx.AsyncClient(base_url=f"{url}/v1", auth=(KEY, ""))

    async def close(self) -> None:
        await self.gateway.aclose()
        await self.http.aclose()

    async def api(self, path: str, **form: Any) -> dict[str, Any]:
        response = await self.http.post(path, data=form)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def intent(self, order_no: str, amount_minor: int = PRICE_MINOR, capture: str = "manual") -> dict[str, Any]:
        """The customer pays by himself on a page of Stripe's."""
        form = {"amount": amount_minor, "currency": "cny", "payment_method": "pm_card_visa", "confirm": "true"}
        named = {"metadata[order_no]": order_no, "capture_method": capture}
        return await self.api("/payment_intents", **form, **named)

    async def told(self, event: str, about: dict[str, Any], event_id: str = "") -> str:
        """A signed notification, kept as the front door keeps it."""
        event_id = event_id or f"evt_{secrets.token_hex(8)}"
        body = json.dumps({"id": event_id, "type": event, "data": {"object": about}}).encode()
        notice = self.gateway.parse_notification(stripe_signed(body, time.time()), body)
        assert notice is not None
        async with self.stage.database.begin() as conn:
            return await inbox.keep_payment(conn, "stripe", notice)

    async def refund(self, intent: dict[str, Any], amount_minor: int) -> dict[str, Any]:
        """Somebody refunds in the dashboard: the Refund bears nothing of ours."""
        return await self.api("/refunds", charge=charge_of(intent), amount=amount_minor)

    async def books(self, order_no: str) -> list[tuple[str, str, str, int]]:
        rows = await self.stage.sql(
            "SELECT kind, purpose, status, amount_minor FROM payments WHERE order_no = :o ORDER BY payment_id",
            o=order_no,
        )
        return [(row.kind, row.purpose, row.status, row.amount_minor) for row in rows]

    async def outcomes(self, order_no: str) -> list[str | None]:
        rows = await self.stage.sql("SELECT outcome FROM inbox WHERE order_no = :o ORDER BY inbox_id", o=order_no)
        return [row[0] for row in rows]

    async def heard(self, order_no: str) -> list[str | None]:
        """Wait until every fact of the order is applied; what became of each."""

        async def all_heard() -> list[str | None]:
            told = await self.outcomes(order_no)
            return told if told and None not in told else []

        return list(await eventually(all_heard))

    async def left_minor(self, order_no: str) -> int:
        rows = await self.stage.sql(
            "SELECT coalesce(sum(captured_minor - refunded_minor - promised_minor - disputed_minor), 0) FROM payments"
            " JOIN payment_totals USING (payment_id) WHERE order_no = :o",
            o=order_no,
        )
        return int(rows[0][0])


def charge_of(intent: dict[str, Any]) -> str:
    charge = intent["latest_charge"]
    return str(charge["id"] if isinstance(charge, dict) else charge)


def dispute(intent: dict[str, Any], status: str, amount_minor: int = PRICE_MINOR) -> dict[str, Any]:
    return {
        "id": f"dp_{intent['id']}", "object": "dispute", "amount": amount_minor, "currency": "cny", "metadata": {},
        "charge": charge_of(intent), "payment_intent": intent["id"], "reason": "fraudulent", "status": status,
    }  # fmt: skip


@pytest.fixture(scope="module")
async def shop(
    database_url: Books, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AtStripe]:
    folder: Path = tmp_path_factory.mktemp("at-stripe")
    receiver = Receiver()
    async with serving(receiver.app) as hooks, localstripe(folder, f"{hooks}/v1/webhooks/stripe", SECRET) as url:
        settings = {"stripe_api_key": KEY, "stripe_webhook_secret": SECRET, "stripe_api_base": url}
        async with staged(database_url, temporal.address, folder, **settings) as stage:
            await stage.stock("TEA", 1000, PRICE_MINOR)
            at_stripe = AtStripe(stage, url)
            yield at_stripe
            async with stage.owner.begin() as conn:
                for question in QUESTIONS:
                    answer = await ask(conn, question)
                    assert answer.count == 0, (question.code, answer.examples)
            await at_stripe.close()


async def unpaid(shop: AtStripe) -> str:
    order_no = await shop.stage.place(token=None)
    await shop.stage.reaches(order_no, "pending_payment")
    return order_no


async def paid(shop: AtStripe) -> tuple[str, dict[str, Any]]:
    """An order that a PaymentIntent with automatic capture has paid."""
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, capture="automatic")
    await shop.told("payment_intent.succeeded", intent)
    await shop.stage.reaches(order_no, "preparing")
    return order_no, intent


@pytest.mark.parametrize("first", ["authorised", "captured"])
async def test_notifications_about_one_payment_intent_are_one_payment(shop: AtStripe, first: str) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    taken = await shop.api(f"/payment_intents/{intent['id']}/capture")
    told = [("payment_intent.amount_capturable_updated", intent), ("payment_intent.succeeded", taken)]
    for event, about in told if first == "authorised" else told[::-1]:
        for _ in range(2):
            await shop.told(event, about)
    await shop.stage.reaches(order_no, "preparing")
    await shop.heard(order_no)
    assert await shop.books(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("capture", "order", "succeeded", PRICE_MINOR),
    ]
    events = await shop.stage.events(order_no)
    assert events.count("payment_captured") == 1
    assert not {"payment_returned", "payment_voided", "payment_refunded", "payment_declined", "step_parked"} & {*events}


async def test_an_authorisation_that_fits_is_captured_and_not_voided(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    await shop.told("payment_intent.amount_capturable_updated", intent)
    await shop.stage.reaches(order_no, "preparing")
    assert (await shop.http.get(f"/payment_intents/{intent['id']}")).json()["status"] == "succeeded"
    # Stripe tells of our own capture, too.
    await shop.told("payment_intent.succeeded", (await shop.http.get(f"/payment_intents/{intent['id']}")).json())
    await shop.heard(order_no)
    kinds = [(kind, purpose) for kind, purpose, *_ in await shop.books(order_no)]
    assert kinds == [("authorise", "order"), ("capture", "order")]


async def test_an_authorisation_that_does_not_fit_is_given_up_and_nobody_is_told_of_money(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, amount_minor=7)
    await shop.told("payment_intent.amount_capturable_updated", intent)

    async def voided() -> bool:
        return ("void", "stray", "succeeded", 7) in await shop.books(order_no)

    await eventually(voided)
    assert (await shop.http.get(f"/payment_intents/{intent['id']}")).json()["status"] == "canceled"
    assert "payment_returned" not in await shop.stage.events(order_no)
    assert await shop.stage.status(order_no) == "pending_payment"


async def test_a_void_of_the_dashboard_ends_the_payment_in_whatever_order_it_is_told(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no)
    gone = await shop.api(f"/payment_intents/{intent['id']}/cancel")
    await shop.told("payment_intent.canceled", gone)
    assert await shop.heard(order_no) == ["early"]
    await shop.told("payment_intent.amount_capturable_updated", intent)
    assert set(await shop.heard(order_no)) == {"voided", "authorised"}
    assert await shop.books(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("void", "order", "succeeded", PRICE_MINOR),
    ]
    # The order waits for another payment, and takes it.
    again = await shop.intent(order_no, capture="automatic")
    await shop.told("payment_intent.succeeded", again)
    await shop.stage.reaches(order_no, "preparing")


async def test_a_refund_of_the_dashboard_takes_its_room_and_comes_once(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    refund = await shop.refund(intent, 300)
    for event in ("refund.created", "refund.updated"):
        await shop.told(event, refund)
    assert await shop.heard(order_no) == ["paid", "refunded", "known"]
    assert await shop.left_minor(order_no) == PRICE_MINOR - 300
    rows = await shop.stage.sql(
        "SELECT origin, status, amount_minor, refunded_minor FROM refunds JOIN order_lines USING (order_no)"
        " WHERE order_no = :o",
        o=order_no,
    )
    assert [tuple(row) for row in rows] == [("provider", "succeeded", 300, 300)]
    assert (await shop.stage.events(order_no)).count("payment_refunded") == 1


async def test_a_refund_that_is_told_before_its_capture_waits_for_it(shop: AtStripe) -> None:
    order_no = await unpaid(shop)
    intent = await shop.intent(order_no, capture="automatic")
    await shop.told("refund.created", await shop.refund(intent, PRICE_MINOR))
    await shop.told("payment_intent.succeeded", intent)

    async def refunded() -> bool:
        return set(await shop.outcomes(order_no)) == {"paid", "refunded"}

    await eventually(refunded)
    assert await shop.left_minor(order_no) == 0


@pytest.mark.parametrize("first", ["refund", "capture"])
async def test_a_refund_that_names_no_order_and_its_capture_at_the_same_moment_find_each_other(
    shop: AtStripe, first: str
) -> None:
    order_no = await unpaid(shop)
    capture = Told(order_no, "stripe", PaymentKind.CAPTURE, PRICE_MINOR, "CNY", f"ch_{order_no}", "order")
    notice = PaymentNotice(
        f"evt_{order_no}", "", f"re_{order_no}", PaymentKind.REFUND, PaymentStatus.SUCCEEDED, 100, "CNY",
        parent_ref=capture.ref,
    )  # fmt: skip
    acts = {
        "refund": lambda conn: inbox.keep_payment(conn, "stripe", notice),
        "capture": lambda conn: payment_facts.record(conn, capture),
    }
    (second,) = {*acts} - {first}

    async def later() -> None:
        async with shop.stage.database.begin() as conn:
            await acts[second](conn)

    async def waits() -> bool:
        locks = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(await shop.stage.sql(locks))

    async with shop.stage.database.begin() as conn:
        await acts[first](conn)
        task = asyncio.create_task(later())
        await eventually(waits)
    await task
    rows = await shop.stage.sql("SELECT order_no FROM inbox WHERE event_id = :e", e=notice.event_id)
    assert [tuple(row) for row in rows] == [(order_no,)]


async def refunds_of(shop: AtStripe, intent: dict[str, Any]) -> list[dict[str, Any]]:
    """As Stripe has them, in the order of their making."""
    listed = (await shop.http.get("/refunds", params={"charge": charge_of(intent), "limit": 100})).json()["data"]
    return sorted(listed, key=lambda one: one["created"])


def bounced(refund: dict[str, Any]) -> dict[str, Any]:
    return {**refund, "status": "failed", "failure_reason": "lost_or_stolen_card"}


async def totals(shop: AtStripe, order_no: str) -> tuple[int, int]:
    """(given back, promised)."""
    [row] = await shop.stage.sql(
        "SELECT t.refunded_minor, t.promised_minor FROM payment_totals t JOIN payments USING (payment_id)"
        " WHERE order_no = :o",
        o=order_no,
    )
    return row.refunded_minor, row.promised_minor


async def test_a_refund_that_bounces_is_open_again_and_a_person_decides_how_it_is_paid(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    opened = await refund(shop.stage, order_no, amount_minor=300)
    await paid_out(shop.stage, opened)
    [first] = await refunds_of(shop, intent)
    for _ in range(2):
        await shop.told("refund.failed", bounced(first))
        await shop.heard(order_no)
    # An older notification that comes late changes nothing.
    await shop.told("refund.updated", first)
    assert await shop.heard(order_no) == ["paid", "reversed", "known", "known"]
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


async def test_a_refund_of_the_dashboard_that_bounces_comes_back_to_the_books(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    made = await shop.refund(intent, 300)
    await shop.told("refund.created", made)
    await shop.heard(order_no)
    await shop.told("refund.failed", bounced(made))
    assert await shop.heard(order_no) == ["paid", "refunded", "reversed"]
    assert (await shop.stage.parked(order_no, 60)).error == "refund_bounced"
    assert await totals(shop, order_no) == (0, 300)


async def test_what_bounces_of_a_cancelled_order_goes_back_once_a_person_has_decided(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await cancel(shop.stage, order_no)
    await shop.stage.reaches(order_no, "cancelled")
    [made] = await refunds_of(shop, intent)
    await shop.told("refund.failed", bounced(made))
    assert (await shop.heard(order_no))[-1] == "reversed"
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
        await shop.told(event, dispute(intent, "needs_response"))
    assert await shop.heard(order_no) == ["paid", "disputed", "known"]
    assert await shop.left_minor(order_no) == 0
    async with shop.stage.database.begin() as conn:
        (cause,) = await DETECTORS[Kind.DISPUTED](conn, shop.stage.settings)
    assert (cause.facts, cause.count) == ({"provider": "stripe"}, 1)
    assert cause.amounts == [{"currency": "CNY", "amount_minor": PRICE_MINOR}]
    await shop.told("charge.dispute.closed", dispute(intent, "won"))
    await shop.told("charge.dispute.funds_reinstated", dispute(intent, "won"))
    assert (await shop.heard(order_no))[-2:] == ["won", "known"]
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
    told = [event for event in await shop.stage.events(order_no) if event.startswith("dispute_")]
    assert told == ["dispute_opened", "dispute_won"]


async def test_a_lost_dispute_of_what_is_left_stays_taken(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.told("refund.created", await shop.refund(intent, 400))
    await shop.told("charge.dispute.closed", dispute(intent, "lost"))
    assert await shop.heard(order_no) == ["paid", "refunded", "lost"]
    assert await shop.left_minor(order_no) == 0
    rows = await shop.stage.sql("SELECT d.status, p.amount_minor FROM disputes d JOIN payments p USING (payment_id)"
                                " WHERE d.order_no = :o", o=order_no)  # fmt: skip
    assert [tuple(row) for row in rows] == [("lost", 600)]


async def test_a_dispute_of_what_was_refunded_is_on_the_timeline_once(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.told("refund.created", await shop.refund(intent, PRICE_MINOR))
    for event, status in (("created", "needs_response"), ("updated", "under_review"), ("closed", "won")):
        await shop.told(f"charge.dispute.{event}", dispute(intent, status))
    await shop.heard(order_no)
    assert (await shop.stage.events(order_no)).count("dispute_opened") == 1
    assert await shop.left_minor(order_no) == 0


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
    await shop.told("payment_intent.succeeded", intent)
    await shop.stage.reaches(order_no, "preparing")
    assert await shop.books(order_no) == [
        ("authorise", "order", "succeeded", PRICE_MINOR),
        ("capture", "order", "succeeded", PRICE_MINOR),
    ]
    # The answer to our own call comes at last: it is fenced off.
    rows = await shop.stage.sql("SELECT payment_id FROM payments WHERE order_no = :o ORDER BY 1", o=order_no)
    late = Intent(rows[-1][0], PaymentStatus.INTENT, None, None, 1, PRICE_MINOR)
    async with shop.stage.database.begin() as conn:
        assert not await payments.finish(conn, late, PaymentStatus.SUCCEEDED, charge_of(intent))


async def test_a_refund_of_ours_that_is_refused_is_paid_by_the_same_one_of_the_dashboard(shop: AtStripe) -> None:
    stage = shop.stage
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    capture = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"][-1]
    wish = {"amount_minor": PRICE_MINOR, "currency": "CNY", "at_provider": True}
    made = stage.sandbox.http.post(f"/payments/{capture['id']}/refund", json=wish).json()
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
        await shop.told("refund.created", await shop.refund(intent, 500))
    else:
        await shop.told("charge.dispute.created", dispute(intent, "needs_response", 500))
    await shop.heard(order_no)
    assert await status_of(shop.stage, opened.refund_id) == "overtaken"
    assert await shop.left_minor(order_no) == 500
    assert "refund_overtaken" in await shop.stage.events(order_no)


# What Stripe tells of a dispute, in the order in which it comes: a late or repeated notification is old news.
TOLD = {
    "as it happened": (("created", "needs_response"), ("updated", "under_review"), ("closed", "won")),
    "the end first": (("closed", "won"), ("created", "needs_response"), ("updated", "under_review")),
    "twice": (("created", "needs_response"), ("closed", "won"), ("funds_reinstated", "won"), ("closed", "won")),
    "lost": (("created", "needs_response"), ("closed", "lost")),
}


async def overtaken(shop: AtStripe, told: dict[str, Any], order_no: str, **how: Any) -> OpenedRefund:
    """A refund that nobody has paid yet when the notification is applied."""
    body = json.dumps({"id": f"evt_{secrets.token_hex(8)}", "type": told["type"], "data": {"object": told["object"]}})
    notice = shop.gateway.parse_notification(stripe_signed(body.encode(), time.time()), body.encode())
    assert notice is not None
    ask = RefundAsk(f"rf_{secrets.token_hex(16)}", order_no, Origin.SUPPORT, "support:ann", "because", **how)
    async with shop.stage.database.begin() as conn:
        opened = await refunds.open_refund(conn, KeyRing(shop.stage.vault), ask)
        await inbox.keep_payment(conn, "stripe", notice)
        fact = text("SELECT fact FROM inbox WHERE order_no = :o AND fact ->> 'kind' = 'dispute'")
        (kept,) = (await conn.execute(fact, {"o": order_no})).scalars()
        await payment_fact(conn, order_no, "stripe", kept)
    return opened


@pytest.mark.parametrize("told", TOLD)
async def test_a_refund_that_gave_way_to_a_dispute_is_paid_once_when_it_is_won(shop: AtStripe, told: str) -> None:
    """What was promised to the customer is due again with the money; the bank's decision for him takes its place."""
    order_no, intent = await paid(shop)
    (first, status), *rest = TOLD[told]
    about = {"type": f"charge.dispute.{first}", "object": dispute(intent, status)}
    opened = await overtaken(shop, about, order_no, amount_minor=300)
    for event, status in rest:
        await shop.told(f"charge.dispute.{event}", dispute(intent, status))
    await shop.heard(order_no)
    if told == "lost":
        assert await status_of(shop.stage, opened.refund_id) == "overtaken"
        assert (await refunds_of(shop, intent), await totals(shop, order_no)) == ([], (0, 0))
        return
    await paid_out(shop.stage, opened)
    assert len(await refunds_of(shop, intent)) == 1
    assert await totals(shop, order_no) == (300, 0)
    assert await shop.left_minor(order_no) == PRICE_MINOR - 300
    events = [event for event in await shop.stage.events(order_no) if event.startswith("refund_")]
    assert events == ["refund_opened", "refund_overtaken", "refund_reopened"]


async def test_what_waited_for_a_second_person_waits_again_with_its_whole_time(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    opened = await refund(shop.stage, order_no, amount_minor=300, limits=Limits(1))
    await shop.told("charge.dispute.created", dispute(intent, "needs_response"))
    await shop.heard(order_no)
    assert await status_of(shop.stage, opened.refund_id) == "overtaken"
    # Disputes last for weeks: nobody could have decided it meanwhile.
    lapsed = "UPDATE approvals SET asked_at = now() - interval '70 days', expires_at = now() - interval '67 days'"
    async with shop.stage.owner.begin() as conn:
        await conn.execute(text(lapsed + " WHERE approval_id = :a"), {"a": opened.approval_id})
    await shop.told("charge.dispute.closed", dispute(intent, "won"))
    await shop.heard(order_no)
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
    await shop.told("charge.dispute.closed", dispute(intent, "won", 500))
    await shop.heard(order_no)
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
    told = {"kind": "dispute", "provider_ref": f"dsp-{order_no}", "parent_ref": capture["id"], "status": "succeeded",
            "amount_minor": capture["amount_minor"], "currency": "CNY"}  # fmt: skip
    await stage.inbox("payment", order_no, told)
    await eventually(lambda: _has_status(stage, opened, "overtaken"), 60)
    stage.sandbox.http.delete("/faults")
    wish = {"order_no": order_no, "amount_minor": 300, "currency": "CNY", "idempotency_key": key}
    done = stage.sandbox.http.post(f"/payments/{capture['id']}/refund", json=wish)
    assert done.status_code < 300, done.text
    await stage.inbox("payment", order_no, {**told, "outcome": "won"})
    await paid_out(stage, opened)
    assert given_back(stage, order_no) == [300]


async def _has_status(stage: Stage, opened: OpenedRefund, status: str) -> bool:
    return await status_of(stage, opened.refund_id) == status


async def test_an_order_that_is_cancelled_returns_what_is_not_disputed(shop: AtStripe) -> None:
    order_no, intent = await paid(shop)
    await shop.told("charge.dispute.created", dispute(intent, "needs_response", 600))
    await shop.heard(order_no)
    await cancel(shop.stage, order_no)
    await shop.stage.reaches(order_no, "cancelled")
    assert ("refund", "order", "succeeded", 400) in await shop.books(order_no)
    # Won: of a cancelled order it goes back to the customer.
    await shop.told("charge.dispute.closed", dispute(intent, "won", 600))

    async def given_back() -> bool:
        return ("refund", "stray", "succeeded", 600) in await shop.books(order_no)

    await eventually(given_back)
