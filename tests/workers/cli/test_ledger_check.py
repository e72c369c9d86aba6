"""`oms ledger check` finds every kind of damage, and nothing in honest books."""

import io
import json

import pytest
from rich.console import Console

from domain.payments.refunds import Origin
from infra.db.checks import consistency_checks
from infra.db.checks.consistency_checks import CHECKS
from infra.db.engine import Database
from infra.db.payments import store_credit
from infra.db.payments.refund_plans import NewRefund
from infra.db.payments.refunds import open_refund
from infra.settings import Settings
from tests.conftest import DatabaseUrls
from tests.workers.stored_orders import damage, empty, move, place, settings_for, sql
from workers.cli.ledger import ledger_check


async def wrong(settings: Settings) -> dict[str, list[str]]:
    """{question: places} of what is wrong."""
    answers = await consistency_checks.run_all(settings)
    return {answer.question.name: [one.place for one in answer.examples] for answer in answers if answer.count}


async def pay(urls: DatabaseUrls, order_no: str, kind: str, amount_minor: int, parent: int | None = None) -> int:
    """A succeeded transaction, written with the services' own role."""
    rows = await sql(
        urls.app_url,
        """INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,
                                 provider_ref, parent_id)
           VALUES (%s, %s, 1, 'sandbox', %s, 'CNY', 'succeeded', %s, gen_random_uuid(), %s) RETURNING payment_id""",
        order_no,
        kind,
        amount_minor,
        f"{order_no}:{kind}:{amount_minor}",
        parent,
    )
    return int(rows[0][0])


async def honest(urls: DatabaseUrls) -> str:
    """An order with stock, money and a story; returns its number."""
    order_no = await place(urls)
    await sql(
        urls.app_url,
        "INSERT INTO stock_levels (sku, warehouse) VALUES ('SKU-1', 'WH-EAST') ON CONFLICT DO NOTHING",
    )
    movement = """INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta,
                                               reserved_delta, order_no, actor)
                  VALUES (%s, %s, 'SKU-1', 'WH-EAST', %s, %s, %s, %s, 'test')"""
    await sql(urls.app_url, movement, f"{order_no}:in", "receipt", 5, 5, 0, None)
    await sql(urls.app_url, movement, f"{order_no}:hold", "reserve", 1, 0, 1, order_no)
    await sql(
        urls.app_url,
        "INSERT INTO reservations (order_no, sku, warehouse, quantity, state, fulfilment_no)"
        " VALUES (%s, 'SKU-1', 'WH-EAST', 1, 'reserved', 1)",
        order_no,
    )
    await move(urls, order_no, "stock_reserved", "received", "pending_payment")
    await pay(urls, order_no, "authorise", 1200)
    capture = await pay(urls, order_no, "capture", 1200)
    await move(urls, order_no, "payment_captured", "pending_payment", "paid")
    await pay(urls, order_no, "refund", 200, capture)
    await promise(urls, order_no)
    return order_no


async def promise(urls: DatabaseUrls, order_no: str) -> None:
    """A refund that is decided and not paid yet."""
    database = Database.from_settings(settings_for(urls))
    ask = NewRefund(f"rf_{order_no}", order_no, Origin.SUPPORT, "support:ann", "late", amount_minor=300)
    async with database.begin() as conn:
        await open_refund(conn, None, ask)
    await database.close()


@pytest.fixture
async def settings(database_url: DatabaseUrls) -> Settings:
    return settings_for(database_url)


@pytest.fixture
async def order_no(database_url: DatabaseUrls, settings: Settings) -> str:
    await empty(
        database_url.owner_url,
        "orders, stock_levels, stock_movements, allocations, reservations, payments, payment_ledger, payment_totals, "
        "outbox, workflow_requests, stock_transfers, order_events, order_lines, store_credits, "
        "credit_accounts",
    )
    placed = await honest(database_url)
    assert await wrong(settings) == {}
    return placed


LEVELS = "stock levels are the sums of their movements"
PLACES = "locations have the sums of their movements, and together what is placed in their warehouse"
INCOMING = "what is incoming is open on purchase orders"
MOVED = "transfers have what their movements say, and end"
ENDED = "nothing is reserved for an order that is over"
HELD = "reserved stock is what orders hold"
CREDIT_USED = "customers use as much credit as their orders on terms owe, and owe what was not refunded or paid"
PROMISED = "no stock is promised twice or below zero"
ENTRIES = "each succeeded payment has its ledger entry, no other has one"
SAME = "ledger entries say what their payments say"
OVERDRAWN = "debits equal credits, and no account of a customer is overdrawn"
TOTALS = "running totals are the sums of the ledger, of refunds under way and of those that are promised"
REFUNDS = "refunds do not exceed their capture"
LINES = "orders cost what their lines cost"
SOLD = "what lines were sold for adds up to their order's total"
LINE_REFUNDS = "what is refunded of lines is the sum of their refunds"
WHOLE = "refunds are the sums of their lines and of their parts, and are paid when their parts are"
RETURNED = "no more is on returns than was delivered, and the counters say so"
SHELVES = "what came back of a return is what was put on a shelf"
FULFILLED = "the parts in which an order ships have all of its lines"
NUMBERED = "events are numbered without gaps"
STATUS = "an order's status is where its events lead"
TRANSITIONS = "each status change follows the one before, along the transition table"
BALANCES = "store credit balances are the sums of their entries"
CREDIT_PAID = "store credit moves with its payments, one to one"
OWED = "what customers are owed in store credit is what they can spend"

CAPTURE = "(SELECT payment_id FROM payments WHERE kind = 'capture')"
# A return that was looked at, and that no movement of stock followed.
UNSHELVED = """
INSERT INTO returns (return_id, order_no, resolution, status, reason_code, reason_enc, requested_by, warehouse)
  SELECT 'rt_lost', order_no, 'refund', 'inspected', 'damaged', '', 'test', 'WH-EAST' FROM orders;
INSERT INTO return_lines SELECT 'rt_lost', order_no, 1, 'SKU-1', 1 FROM orders;
INSERT INTO return_inspections VALUES ('rt_lost', 1, 'inspected', 'as_new', 1);
UPDATE order_lines SET returned_quantity = 1
"""
ADDS_UP = "invoices and credit notes add up: items less discount, with added tax and shipping"
NOTES = "invoices less their credit notes are what was paid less what disputes took or went back with a credit note"


def invoice(items: int, total: int) -> str:
    """An invoice that says so, of an order for which 1200 were paid."""
    line = {"quantity": 1, "unit_price_minor": total, "discount_minor": 0, "tax_minor": 0, "total_minor": total}
    sums = {"items_minor": items, "discount_minor": 0, "tax_added_minor": 0, "shipping_minor": 0}
    content = json.dumps({"lines": [line], **sums})
    return (
        "INSERT INTO documents (document_no, kind, series, year, number, order_no, issued_at, time_zone, issued_by, "
        "currency, total_minor, tax_minor, content, billed_to_enc) SELECT 'INV-2026-000001', 'invoice', 'INV', 2026, "
        f"1, order_no, now(), 'UTC', 'test', 'CNY', {total}, 0, '{content}', '' FROM orders"
    )


KINDS = [
    (
        "INSERT INTO credit_accounts (customer_id, currency, limit_minor, terms_days, used_minor)"
        " SELECT customer_id, 'CNY', 10, 1, 5 FROM customers LIMIT 1",
        {CREDIT_USED},
    ),
    ("UPDATE stock_levels SET placed = 1", {PLACES}),
    ("UPDATE stock_levels SET incoming = 3", {INCOMING}),
    (
        "INSERT INTO stock_transfers (transfer_id, source, target, reference, due_at, requested_by)"
        " VALUES ('tr_1', 'WH-EAST', 'WH-SOUTH', 'r', now() - interval '40 days', 'test')",
        {MOVED},
    ),
    ("UPDATE orders SET status = 'completed'", {STATUS, ENDED}),
    (invoice(1_199, 1_200), {ADDS_UP}),
    (invoice(1_100, 1_100), {NOTES}),
    ("UPDATE order_lines SET returned_quantity = 1", {RETURNED}),
    (UNSHELVED, {SHELVES}),
    ("UPDATE stock_levels SET on_hand = 7", {LEVELS}),
    ("DELETE FROM stock_movements WHERE kind = 'receipt'", {LEVELS}),
    ("DELETE FROM stock_levels", {LEVELS, HELD}),
    ("UPDATE reservations SET state = 'released'", {HELD}),
    ("UPDATE reservations SET quantity = 2", {HELD}),
    ("UPDATE payments SET status = 'pending' WHERE kind = 'authorise'", {ENTRIES}),
    ("DELETE FROM payment_ledger WHERE debit_account LIKE 'authorised:%'", {ENTRIES}),
    ("UPDATE payment_ledger SET amount_minor = 1300 WHERE debit_account LIKE 'authorised:%'", {SAME}),
    ("UPDATE payment_ledger SET debit_account = 'receivable:other' WHERE debit_account LIKE 'receivable:%'", {SAME}),
    (f"UPDATE payment_totals SET refunded_minor = 0 WHERE payment_id = {CAPTURE}", {TOTALS}),
    ("DELETE FROM payment_totals", {TOTALS}),
    ("UPDATE payments SET amount_minor = 1201 WHERE kind = 'refund'", {SAME, TOTALS}),
    (
        "UPDATE payment_ledger SET amount_minor = 1201 WHERE debit_account = 'customer_funds'",
        {SAME, REFUNDS, OVERDRAWN},
    ),
    ("UPDATE orders SET items_minor = 1100, total_minor = 1100", {LINES, SOLD}),
    ("UPDATE order_lines SET quantity = 2", {LINES, SOLD}),
    ("UPDATE order_lines SET shipping_minor = 1", {SOLD}),
    ("UPDATE orders SET tax_minor = 1", {SOLD}),
    ("UPDATE order_lines SET refunded_minor = 0", {LINE_REFUNDS}),
    ("DELETE FROM refund_lines", {LINE_REFUNDS, WHOLE}),
    ("UPDATE refund_allocations SET amount_minor = 299", {TOTALS, WHOLE}),
    ("UPDATE refunds SET status = 'succeeded'", {WHOLE}),
    ("UPDATE refunds SET status = 'refused'", {TOTALS, LINE_REFUNDS}),
    ("UPDATE payment_totals SET promised_minor = 0", {TOTALS}),
    (
        "INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)"
        " SELECT order_no || '-F1', order_no, 1, 'WH-EAST', 'reserved' FROM orders",
        {FULFILLED},
    ),
    ("DELETE FROM order_events WHERE seq = 1", {NUMBERED}),
    ("UPDATE orders SET event_seq = 9", {NUMBERED}),
    ("UPDATE orders SET status = 'delivered'", {STATUS}),
    ("UPDATE order_events SET from_status = 'received' WHERE type = 'payment_captured'", {TRANSITIONS}),
    (
        "UPDATE order_events SET to_status = 'completed' WHERE type = 'payment_captured'",
        {STATUS, TRANSITIONS},
    ),
]


CREDIT_KINDS = [
    ("UPDATE store_credits SET balance_minor = 99", {BALANCES, OWED}),
    ("UPDATE store_credits SET balance_minor = 99, held_minor = 1", {BALANCES}),
    ("DELETE FROM store_credit_entries", {BALANCES, CREDIT_PAID}),
    ("UPDATE store_credit_entries SET idempotency_key = 'other'", {CREDIT_PAID}),
    ("UPDATE payment_ledger SET credit_account = 'other' WHERE credit_account LIKE 'store_credit:%'", {SAME, OWED}),
]


@pytest.mark.parametrize(("statement", "expected"), CREDIT_KINDS, ids=range(len(CREDIT_KINDS)))
async def test_damage_to_store_credit_is_found(
    database_url: DatabaseUrls, settings: Settings, order_no: str, statement: str, expected: set[str]
) -> None:
    database = Database.from_settings(settings)
    async with database.begin() as conn:
        customer = str(await store_credit.owner_of(conn, order_no))
        await store_credit.grant(conn, customer, "CNY", 100, order_no, None, f"{order_no}/credit")
    await database.close()
    assert await wrong(settings) == {}
    await damage(database_url.owner_url, statement)
    assert set(await wrong(settings)) == expected


@pytest.mark.parametrize(("statement", "expected"), KINDS, ids=range(len(KINDS)))
async def test_damage_is_found(
    database_url: DatabaseUrls, settings: Settings, order_no: str, statement: str, expected: set[str]
) -> None:
    await damage(database_url.owner_url, statement)
    assert set(await wrong(settings)) == expected


async def test_stock_promised_twice_is_found(database_url: DatabaseUrls, settings: Settings, order_no: str) -> None:
    await damage(
        database_url.owner_url,
        "ALTER TABLE stock_levels DROP CONSTRAINT stock_not_oversold",
        "UPDATE stock_levels SET reserved = 6",
    )
    try:
        assert set(await wrong(settings)) == {PROMISED, LEVELS, HELD}
    finally:
        await damage(
            database_url.owner_url,
            "UPDATE stock_levels SET reserved = 1",
            "ALTER TABLE stock_levels ADD CONSTRAINT stock_not_oversold CHECK (reserved <= on_hand)",
        )


def test_each_question_is_proved_by_a_kind_of_damage() -> None:
    proved = {PROMISED}.union(*(expected for _, expected in [*KINDS, *CREDIT_KINDS]))
    assert proved == {question.name for question in CHECKS}


async def test_the_command_says_where(database_url: DatabaseUrls, settings: Settings, order_no: str) -> None:
    import asyncio

    console = Console(file=io.StringIO(), width=200)
    assert await asyncio.to_thread(ledger_check.check, settings, console) == 0
    await damage(database_url.owner_url, "UPDATE orders SET status = 'delivered'")
    assert await asyncio.to_thread(ledger_check.check, settings, console) == 1
    assert isinstance(console.file, io.StringIO)
    assert order_no in console.file.getvalue()
    gone = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:9/none"})
    assert await asyncio.to_thread(ledger_check.check, gone, console) == 1
    assert "cannot be read" in console.file.getvalue()
