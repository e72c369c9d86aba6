"""Money: nobody pays twice, nothing goes back beyond what came in, each success is booked exactly once."""

import asyncio
from typing import Any

import psycopg
import pytest

from domain.payments.transactions import POSTINGS, PaymentKind
from tests.factories.raw_writes import PAYMENT, DirectDatabase, connect


async def settle(db: DirectDatabase, payment: int, status: str) -> None:
    await db.app.execute("UPDATE payments SET status = %s WHERE payment_id = %s", (status, payment))


async def room(db: DirectDatabase, capture: int) -> int:
    left = await db.one("SELECT captured_minor - refunded_minor FROM payment_totals WHERE payment_id = %s", capture)
    return int(left)


async def entries(db: DirectDatabase, payment: int) -> int:
    return int(await db.one("SELECT count(*) FROM payment_ledger WHERE payment_id = %s", payment))


async def test_the_posting_rules_are_those_of_the_domain(db: DirectDatabase) -> None:
    rows = await db.rows("SELECT kind, debit, credit FROM posting_rules")
    assert {PaymentKind(kind): (debit, credit) for kind, debit, credit in rows} == POSTINGS


@pytest.mark.parametrize("live", ["intent", "pending", "succeeded"])
async def test_a_second_live_capture_is_refused(db: DirectDatabase, live: str) -> None:
    order_no = await db.order()
    first = await db.payment(order_no, "capture", live)
    values = (order_no, "capture", "order", 1000, "intent", "second-" + order_no, "r-" + order_no, None)
    assert await db.refused(PAYMENT, *values) == "23505"
    if live != "succeeded":
        await settle(db, first, "failed")
        await db.app.execute(PAYMENT, values)


async def test_of_captures_at_the_same_moment_one_is_taken(db: DirectDatabase) -> None:
    order_no = await db.order()
    taken = await at_once(db, [{"order_no": order_no, "kind": "capture", "status": "succeeded"}] * 10)
    assert taken == 1
    assert await db.one("SELECT count(*) FROM payment_ledger WHERE order_no = %s", order_no) == 1


async def test_what_is_not_the_orders_may_come_in_beside_it(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.paid_in(order_no)
    unapplied = await db.paid_in(order_no, purpose="stray")
    assert await room(db, unapplied) == 1000


async def test_refunds_beyond_the_capture_are_refused(db: DirectDatabase) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no, 1000)
    await db.payment(order_no, "refund", "succeeded", 600, parent=capture)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        await db.payment(order_no, "refund", "intent", 401, parent=capture)
    assert refused.value.diag.constraint_name == "refunds_within_capture"
    await db.payment(order_no, "refund", "intent", 400, parent=capture)
    assert await room(db, capture) == 0


async def test_what_is_disputed_cannot_be_refunded_and_what_was_won_can(db: DirectDatabase) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no, 1000)
    dispute = {"order_no": order_no, "amount_minor": 700, "parent": capture, "status": "succeeded"}
    with pytest.raises(psycopg.errors.CheckViolation):
        await db.payment(kind="dispute_won", **dispute)
    await db.payment(kind="dispute", **dispute)
    for refused in ({"amount_minor": 301}, {"status": "intent", "amount_minor": 301}):
        with pytest.raises(psycopg.errors.CheckViolation):
            await db.payment(kind="refund", **dispute | refused)
    await db.payment(kind="dispute_won", **dispute)
    await db.payment(order_no, "refund", "succeeded", 1000, parent=capture)
    with pytest.raises(psycopg.errors.CheckViolation):
        await db.payment(kind="dispute", **dispute | {"status": "intent"})


async def test_of_two_refunds_of_the_last_cent_one_is_taken(db: DirectDatabase) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no, 1000)
    body: dict[str, Any] = {"order_no": order_no, "kind": "refund", "status": "intent", "parent": capture}
    assert await at_once(db, [{**body, "amount_minor": 1000}] * 2) == 1
    assert await room(db, capture) == 0


async def at_once(db: DirectDatabase, requests: list[dict[str, Any]]) -> int:
    """How many of the payments were taken, each written through a connection of its own."""

    async def one(body: dict[str, Any]) -> bool:
        connection = await connect(db.urls.app_url)
        async with connection:
            try:
                await db.payment(**body, through=connection)
            except (psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation):
                return False
            return True

    return sum(await asyncio.gather(*map(one, requests)))


async def test_a_failed_refund_frees_its_room_and_a_late_success_takes_it_again(db: DirectDatabase) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no, 1000)
    refund = await db.payment(order_no, "refund", "intent", 1000, parent=capture)
    assert await room(db, capture) == 0
    await settle(db, refund, "failed")
    assert await room(db, capture) == 1000
    await settle(db, refund, "failed")
    assert await room(db, capture) == 1000
    await settle(db, refund, "succeeded")
    assert (await room(db, capture), await entries(db, refund)) == (0, 1)


async def test_a_refund_needs_a_capture_that_succeeded(db: DirectDatabase) -> None:
    order_no = await db.order()
    pending = await db.payment(order_no, "capture", "pending")
    for parent in (None, pending):
        with pytest.raises(psycopg.Error) as refused:
            await db.payment(order_no, "refund", "intent", 1, parent=parent)
        assert refused.value.sqlstate == "OM004"


@pytest.mark.parametrize("kind", PaymentKind)
async def test_each_success_is_booked_exactly_once_on_the_rules_accounts(db: DirectDatabase, kind: PaymentKind) -> None:
    order_no = await db.order()
    parent = None
    reported = (PaymentKind.DISPUTE, PaymentKind.DISPUTE_WON, PaymentKind.REFUND_REVERSED)
    if kind in (PaymentKind.REFUND, *reported):
        parent = await db.paid_in(order_no)
    elif kind is PaymentKind.VOID:
        parent = await db.payment(order_no, "authorise", "succeeded")
    if kind is PaymentKind.DISPUTE_WON:
        await db.payment(order_no, "dispute", "succeeded", 700, parent=parent)
    if kind is PaymentKind.REFUND_REVERSED:
        parent = await db.payment(order_no, "refund", "succeeded", 700, parent=parent)
    if kind in reported:
        payment = await db.payment(order_no, kind, "succeeded", 700, parent=parent)
    else:
        payment = await db.payment(order_no, kind, "intent", 700, parent=parent)
        assert await entries(db, payment) == 0
        await settle(db, payment, "pending")
        assert await entries(db, payment) == 0
    await settle(db, payment, "succeeded")
    await settle(db, payment, "succeeded")
    await db.app.execute("UPDATE payments SET tries = tries + 1 WHERE payment_id = %s", (payment,))
    booked = await db.rows(
        "SELECT debit_account, credit_account, amount_minor FROM payment_ledger WHERE payment_id = %s", payment
    )
    debit, credit = (account.replace("{provider}", "sandbox") for account in POSTINGS[kind])
    assert booked == [(debit, credit, 700)]


async def test_a_refund_is_taken_back_whole_and_once_and_frees_its_room(db: DirectDatabase) -> None:
    order_no = await db.order()
    capture = await db.paid_in(order_no, 1000)
    refund = await db.payment(order_no, "refund", "succeeded", 600, parent=capture)
    back = {"order_no": order_no, "kind": "refund_reversed", "status": "succeeded", "amount_minor": 600}
    with pytest.raises(psycopg.Error) as refused:  # nothing says that it came back
        await settle(db, refund, "failed")
    assert refused.value.sqlstate == "OM003"
    for wrong in ({"amount_minor": 599}, {"parent": capture}, {"parent": None}, {"status": "intent"}):
        with pytest.raises(psycopg.Error):
            await db.payment(**{**back, "parent": refund, **wrong})
    assert await room(db, capture) == 400
    await db.payment(**back, parent=refund)
    assert await room(db, capture) == 1000
    with pytest.raises(psycopg.Error):
        await db.payment(**back, parent=refund)
    with pytest.raises(psycopg.Error) as refused:
        await settle(db, refund, "succeeded")
    assert refused.value.sqlstate == "OM003"
    assert (await entries(db, refund), await room(db, capture)) == (1, 1000)


async def test_a_failure_books_nothing(db: DirectDatabase) -> None:
    order_no = await db.order()
    payment = await db.payment(order_no, "authorise", "failed")
    assert await entries(db, payment) == 0


@pytest.mark.parametrize(
    "change",
    ["status = 'failed'", "status = 'intent'", "amount_minor = 1", "kind = 'void'", "currency = 'EUR'",
     "idempotency_key = 'other'"],
)  # fmt: skip
async def test_the_facts_of_a_payment_do_not_change(db: DirectDatabase, change: str) -> None:
    payment = await db.paid_in(await db.order())
    statement = f"UPDATE payments SET {change} WHERE payment_id = %s"
    assert await db.refused(statement, payment) in ("OM003", "42501")
    assert await db.refused(statement, payment, by_owner=True) == "OM003"


async def test_one_payment_per_key_and_per_reference_of_a_provider(db: DirectDatabase) -> None:
    one, other = await db.order(), await db.order()
    await db.payment(one, "authorise", "intent", key="same")
    assert await db.refused(PAYMENT, other, "authorise", "order", 1, "intent", "same", "ref", None) == "23505"
    await db.app.execute(PAYMENT, (one, "capture", "order", 1, "succeeded", "k1", "txn-1", None))
    assert await db.refused(PAYMENT, other, "capture", "order", 1, "succeeded", "k2", "txn-1", None) == "23505"


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_amount_is_positive(db: DirectDatabase, amount: int) -> None:
    order_no = await db.order()
    assert (
        await db.refused(PAYMENT, order_no, "authorise", "order", amount, "intent", "k" + order_no, "r", None)
        == "23514"
    )


async def test_a_success_names_the_providers_reference(db: DirectDatabase) -> None:
    order_no = await db.order()
    values = (order_no, "authorise", "order", 1, "succeeded", "k" + order_no, None, None)
    assert await db.refused(PAYMENT, *values) == "23514"


async def test_an_authorisation_is_voided_once(db: DirectDatabase) -> None:
    order_no = await db.order()
    held = await db.payment(order_no, "authorise", "succeeded")
    first = await db.payment(order_no, "void", "intent", parent=held)
    assert await db.refused(PAYMENT, order_no, "void", "order", 1000, "intent", "v2" + order_no, "r", held) == "23505"
    await settle(db, first, "failed")
    await db.payment(order_no, "void", "intent", parent=held)


async def test_only_the_database_opens_a_fact_again_and_only_one_that_came_too_early(db: DirectDatabase) -> None:
    order_no = await db.order()
    stored = "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, %s)"
    about = '{"kind": "refund", "parent_ref": "%s"}'
    again = "UPDATE inbox SET processed_at = NULL, outcome = NULL WHERE event_id = %s"
    for outcome in ("early", "known"):
        event = f"{outcome}-{order_no}"
        await db.app.execute(stored.encode(), (event, order_no, about % order_no))
        await db.app.execute(
            b"UPDATE inbox SET processed_at = now(), outcome = %s WHERE event_id = %s", (outcome, event)
        )
        assert await db.refused(again, event) == "OM003"
    capture = (
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
        " provider_ref) VALUES (%s, 'capture', 1, 'sandbox', 1000, 'CNY', 'succeeded', %s, %s)"
    )
    await db.app.execute(capture.encode(), (order_no, f"k-{order_no}", order_no))
    rows = await db.rows("SELECT outcome, processed_at IS NULL FROM inbox WHERE order_no = %s ORDER BY 1", order_no)
    assert rows == [("known", False), (None, True)]
