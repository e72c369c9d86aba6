"""Money: nobody pays twice, nothing goes back beyond what came in, each success is booked exactly once."""

import asyncio
from typing import Any

import psycopg
import pytest

from domain.payments.transactions import POSTINGS, PaymentKind
from tests.factories.raw_writes import PAYMENT, Desk, connect


async def settle(desk: Desk, payment: int, status: str) -> None:
    await desk.app.execute("UPDATE payments SET status = %s WHERE payment_id = %s", (status, payment))


async def room(desk: Desk, capture: int) -> int:
    left = await desk.one("SELECT captured_minor - refunded_minor FROM payment_totals WHERE payment_id = %s", capture)
    return int(left)


async def entries(desk: Desk, payment: int) -> int:
    return int(await desk.one("SELECT count(*) FROM payment_ledger WHERE payment_id = %s", payment))


async def test_the_posting_rules_are_those_of_the_domain(desk: Desk) -> None:
    rows = await desk.rows("SELECT kind, debit, credit FROM posting_rules")
    assert {PaymentKind(kind): (debit, credit) for kind, debit, credit in rows} == POSTINGS


@pytest.mark.parametrize("live", ["intent", "pending", "succeeded"])
async def test_a_second_live_capture_is_refused(desk: Desk, live: str) -> None:
    order_no = await desk.order()
    first = await desk.payment(order_no, "capture", live)
    values = (order_no, "capture", "order", 1000, "intent", "second-" + order_no, "r-" + order_no, None)
    assert await desk.refused(PAYMENT, *values) == "23505"
    if live != "succeeded":
        await settle(desk, first, "failed")
        await desk.app.execute(PAYMENT, values)


async def test_of_captures_at_the_same_moment_one_is_taken(desk: Desk) -> None:
    order_no = await desk.order()
    taken = await at_once(desk, [{"order_no": order_no, "kind": "capture", "status": "succeeded"}] * 10)
    assert taken == 1
    assert await desk.one("SELECT count(*) FROM payment_ledger WHERE order_no = %s", order_no) == 1


async def test_what_is_not_the_orders_may_come_in_beside_it(desk: Desk) -> None:
    order_no = await desk.order()
    await desk.paid_in(order_no)
    stray = await desk.paid_in(order_no, purpose="stray")
    assert await room(desk, stray) == 1000


async def test_refunds_beyond_the_capture_are_refused(desk: Desk) -> None:
    order_no = await desk.order()
    capture = await desk.paid_in(order_no, 1000)
    await desk.payment(order_no, "refund", "succeeded", 600, parent=capture)
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        await desk.payment(order_no, "refund", "intent", 401, parent=capture)
    assert refused.value.diag.constraint_name == "refunds_within_capture"
    await desk.payment(order_no, "refund", "intent", 400, parent=capture)
    assert await room(desk, capture) == 0


async def test_what_is_disputed_cannot_be_refunded_and_what_was_won_can(desk: Desk) -> None:
    order_no = await desk.order()
    capture = await desk.paid_in(order_no, 1000)
    dispute = {"order_no": order_no, "amount_minor": 700, "parent": capture, "status": "succeeded"}
    with pytest.raises(psycopg.errors.CheckViolation):
        await desk.payment(kind="dispute_won", **dispute)
    await desk.payment(kind="dispute", **dispute)
    for refused in ({"amount_minor": 301}, {"status": "intent", "amount_minor": 301}):
        with pytest.raises(psycopg.errors.CheckViolation):
            await desk.payment(kind="refund", **dispute | refused)
    await desk.payment(kind="dispute_won", **dispute)
    await desk.payment(order_no, "refund", "succeeded", 1000, parent=capture)
    with pytest.raises(psycopg.errors.CheckViolation):
        await desk.payment(kind="dispute", **dispute | {"status": "intent"})


async def test_of_two_refunds_of_the_last_cent_one_is_taken(desk: Desk) -> None:
    order_no = await desk.order()
    capture = await desk.paid_in(order_no, 1000)
    wish: dict[str, Any] = {"order_no": order_no, "kind": "refund", "status": "intent", "parent": capture}
    assert await at_once(desk, [{**wish, "amount_minor": 1000}] * 2) == 1
    assert await room(desk, capture) == 0


async def at_once(desk: Desk, wishes: list[dict[str, Any]]) -> int:
    """How many of the payments were taken, each written through a connection of its own."""

    async def one(wish: dict[str, Any]) -> bool:
        connection = await connect(desk.books.app_url)
        async with connection:
            try:
                await desk.payment(**wish, through=connection)
            except (psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation):
                return False
            return True

    return sum(await asyncio.gather(*map(one, wishes)))


async def test_a_failed_refund_frees_its_room_and_a_late_success_takes_it_again(desk: Desk) -> None:
    order_no = await desk.order()
    capture = await desk.paid_in(order_no, 1000)
    refund = await desk.payment(order_no, "refund", "intent", 1000, parent=capture)
    assert await room(desk, capture) == 0
    await settle(desk, refund, "failed")
    assert await room(desk, capture) == 1000
    await settle(desk, refund, "failed")
    assert await room(desk, capture) == 1000
    await settle(desk, refund, "succeeded")
    assert (await room(desk, capture), await entries(desk, refund)) == (0, 1)


async def test_a_refund_needs_a_capture_that_succeeded(desk: Desk) -> None:
    order_no = await desk.order()
    pending = await desk.payment(order_no, "capture", "pending")
    for parent in (None, pending):
        with pytest.raises(psycopg.Error) as refused:
            await desk.payment(order_no, "refund", "intent", 1, parent=parent)
        assert refused.value.sqlstate == "OM004"


@pytest.mark.parametrize("kind", PaymentKind)
async def test_each_success_is_booked_exactly_once_on_the_rules_accounts(desk: Desk, kind: PaymentKind) -> None:
    order_no = await desk.order()
    parent = None
    told = (PaymentKind.DISPUTE, PaymentKind.DISPUTE_WON, PaymentKind.REFUND_REVERSED)
    if kind in (PaymentKind.REFUND, *told):
        parent = await desk.paid_in(order_no)
    elif kind is PaymentKind.VOID:
        parent = await desk.payment(order_no, "authorise", "succeeded")
    if kind is PaymentKind.DISPUTE_WON:
        await desk.payment(order_no, "dispute", "succeeded", 700, parent=parent)
    if kind is PaymentKind.REFUND_REVERSED:
        parent = await desk.payment(order_no, "refund", "succeeded", 700, parent=parent)
    if kind in told:
        payment = await desk.payment(order_no, kind, "succeeded", 700, parent=parent)
    else:
        payment = await desk.payment(order_no, kind, "intent", 700, parent=parent)
        assert await entries(desk, payment) == 0
        await settle(desk, payment, "pending")
        assert await entries(desk, payment) == 0
    await settle(desk, payment, "succeeded")
    await settle(desk, payment, "succeeded")
    await desk.app.execute("UPDATE payments SET tries = tries + 1 WHERE payment_id = %s", (payment,))
    booked = await desk.rows(
        "SELECT debit_account, credit_account, amount_minor FROM payment_ledger WHERE payment_id = %s", payment
    )
    debit, credit = (account.replace("{provider}", "sandbox") for account in POSTINGS[kind])
    assert booked == [(debit, credit, 700)]


async def test_a_refund_is_taken_back_whole_and_once_and_frees_its_room(desk: Desk) -> None:
    order_no = await desk.order()
    capture = await desk.paid_in(order_no, 1000)
    refund = await desk.payment(order_no, "refund", "succeeded", 600, parent=capture)
    back = {"order_no": order_no, "kind": "refund_reversed", "status": "succeeded", "amount_minor": 600}
    with pytest.raises(psycopg.Error) as refused:  # nothing says that it came back
        await settle(desk, refund, "failed")
    assert refused.value.sqlstate == "OM003"
    for wrong in ({"amount_minor": 599}, {"parent": capture}, {"parent": None}, {"status": "intent"}):
        with pytest.raises(psycopg.Error):
            await desk.payment(**{**back, "parent": refund, **wrong})
    assert await room(desk, capture) == 400
    await desk.payment(**back, parent=refund)
    assert await room(desk, capture) == 1000
    with pytest.raises(psycopg.Error):
        await desk.payment(**back, parent=refund)
    with pytest.raises(psycopg.Error) as refused:
        await settle(desk, refund, "succeeded")
    assert refused.value.sqlstate == "OM003"
    assert (await entries(desk, refund), await room(desk, capture)) == (1, 1000)


async def test_a_failure_books_nothing(desk: Desk) -> None:
    order_no = await desk.order()
    payment = await desk.payment(order_no, "authorise", "failed")
    assert await entries(desk, payment) == 0


@pytest.mark.parametrize(
    "change",
    ["status = 'failed'", "status = 'intent'", "amount_minor = 1", "kind = 'void'", "currency = 'EUR'",
     "idempotency_key = 'other'"],
)  # fmt: skip
async def test_the_facts_of_a_payment_do_not_change(desk: Desk, change: str) -> None:
    payment = await desk.paid_in(await desk.order())
    statement = f"UPDATE payments SET {change} WHERE payment_id = %s"
    assert await desk.refused(statement, payment) in ("OM003", "42501")
    assert await desk.refused(statement, payment, by_owner=True) == "OM003"


async def test_one_payment_per_key_and_per_reference_of_a_provider(desk: Desk) -> None:
    one, other = await desk.order(), await desk.order()
    await desk.payment(one, "authorise", "intent", key="same")
    assert await desk.refused(PAYMENT, other, "authorise", "order", 1, "intent", "same", "ref", None) == "23505"
    await desk.app.execute(PAYMENT, (one, "capture", "order", 1, "succeeded", "k1", "txn-1", None))
    assert await desk.refused(PAYMENT, other, "capture", "order", 1, "succeeded", "k2", "txn-1", None) == "23505"


@pytest.mark.parametrize("amount", [0, -1])
async def test_an_amount_is_positive(desk: Desk, amount: int) -> None:
    order_no = await desk.order()
    assert (
        await desk.refused(PAYMENT, order_no, "authorise", "order", amount, "intent", "k" + order_no, "r", None)
        == "23514"
    )


async def test_a_success_names_the_providers_reference(desk: Desk) -> None:
    order_no = await desk.order()
    values = (order_no, "authorise", "order", 1, "succeeded", "k" + order_no, None, None)
    assert await desk.refused(PAYMENT, *values) == "23514"


async def test_an_authorisation_is_voided_once(desk: Desk) -> None:
    order_no = await desk.order()
    held = await desk.payment(order_no, "authorise", "succeeded")
    first = await desk.payment(order_no, "void", "intent", parent=held)
    assert await desk.refused(PAYMENT, order_no, "void", "order", 1000, "intent", "v2" + order_no, "r", held) == "23505"
    await settle(desk, first, "failed")
    await desk.payment(order_no, "void", "intent", parent=held)


async def test_only_the_books_open_a_fact_again_and_only_one_that_came_too_early(desk: Desk) -> None:
    order_no = await desk.order()
    kept = "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, %s)"
    about = '{"kind": "refund", "parent_ref": "%s"}'
    again = "UPDATE inbox SET processed_at = NULL, outcome = NULL WHERE event_id = %s"
    for outcome in ("early", "known"):
        event = f"{outcome}-{order_no}"
        await desk.app.execute(kept.encode(), (event, order_no, about % order_no))
        await desk.app.execute(
            b"UPDATE inbox SET processed_at = now(), outcome = %s WHERE event_id = %s", (outcome, event)
        )
        assert await desk.refused(again, event) == "OM003"
    capture = (
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
        " provider_ref) VALUES (%s, 'capture', 1, 'sandbox', 1000, 'CNY', 'succeeded', %s, %s)"
    )
    await desk.app.execute(capture.encode(), (order_no, f"k-{order_no}", order_no))
    rows = await desk.rows("SELECT outcome, processed_at IS NULL FROM inbox WHERE order_no = %s ORDER BY 1", order_no)
    assert rows == [("known", False), (None, True)]
