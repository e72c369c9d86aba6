"""Orders of the version before: what was paid on top of invoices is invoiced, what was exchanged is shared out."""

import asyncio

from infra.db import migrate
from infra.stack.postgres.postgres_server import SUPERUSER, PostgresServer
from tests.conftest import DatabaseUrls, create_database
from tests.db.documents.test_documents import credit, issue, lost, refunded
from tests.db.payments.test_change_payments import answered, waiting
from tests.factories.raw_writes import DirectDatabase, connect

BEFORE = "0045"
WAREHOUSE = (
    "INSERT INTO warehouses (code, name, country, province, city) VALUES ('WH-EAST', 'E', 'CN', 'P', 'C') "
    "ON CONFLICT DO NOTHING"
)
DIFFERENCE = (
    "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
    "idempotency_key, provider_ref) VALUES (%s, 'capture', 'supplement', -1001, 'sandbox', 2, 'CNY', 'intent', %s, "
    "'ch_1') RETURNING payment_id"
)
# The statements that other tests share use the names of today.
NAMES_OF_TODAY = (
    "CREATE VIEW change_payments (order_no, payment_no) AS TABLE order_supplements",
    "CREATE VIEW refund_allocations AS TABLE refund_parts",
)
EXCHANGED = """
SET session_replication_role = replica;
INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, discount_minor, total_minor, country,
                    province, city, ship_to_enc, placed_by, exchange_of, exchange_return)
  VALUES ('X-1', 'web', 'exchange', 'x', 'CNY', 300, 300, 0, 'CN', 'p', 'c', '', 'test', 'O', 'rt_1');
INSERT INTO order_lines (order_no, line_no, sku, name, quantity, unit_price_minor, discount_minor)
  VALUES ('X-1', 1, 'TEA', 'TEA', 1, 200, 200), ('X-1', 2, 'TEA', 'TEA', 1, 100, 100);
INSERT INTO exchanges (return_id, order_no, status, new_order_no, used_minor)
  VALUES ('rt_1', 'O', 'placed', 'X-1', 340);
SET session_replication_role = DEFAULT;
"""


async def test_what_was_paid_on_top_before_is_invoiced_and_credit_notes_go_on(postgres: PostgresServer) -> None:
    await create_database(postgres, "documents_upgrade")
    url = postgres.url(SUPERUSER, "documents_upgrade")
    await asyncio.to_thread(migrate.upgrade, url, BEFORE)
    owner = await connect(url)
    db = DirectDatabase(DatabaseUrls(url, url), owner, owner)
    for statement in (WAREHOUSE, *NAMES_OF_TODAY):
        await owner.execute(statement.encode())
    await db.stock("TEA", 1000)
    order_no = await waiting(db)
    await db.paid_in(order_no, 3)
    await issue(owner, order_no, total=3)
    first = await refunded(db, order_no, 2)
    await credit(db, order_no, first, 2)
    difference = await db.one(DIFFERENCE, order_no, f"{order_no}/supplement/1/capture/1")
    await answered(db, difference, "succeeded")
    await owner.execute(EXCHANGED)

    # Lost before lost disputes were credited.
    await asyncio.to_thread(migrate.upgrade, url, "0067")
    captured = "SELECT payment_id FROM payments WHERE order_no = %s AND kind = 'capture' AND purpose = 'supplement'"
    await lost(db, order_no, await db.one(captured, order_no), 1)

    await owner.execute("DROP VIEW change_payments, refund_allocations")
    await asyncio.to_thread(migrate.upgrade, url)
    assert await db.one("SELECT change_payment_no FROM payments WHERE payment_id = %s", difference) == 1

    totals = "SELECT t.total_minor, t.credited_minor FROM invoice_totals t JOIN documents d USING (document_no) "
    assert await db.rows(f"{totals} WHERE d.order_no = %s ORDER BY d.number", order_no) == [(3, 2), (2, 1)]
    assert await db.rows("SELECT total_minor FROM credit_note_parts ORDER BY credit_note_no") == [(2,), (1,)]
    await credit(db, order_no, await refunded(db, order_no, 1), 1)
    assert await db.rows(f"{totals} WHERE d.order_no = %s ORDER BY d.number", order_no) == [(3, 3), (2, 1)]
    assert await db.rows("SELECT exchanged_minor FROM order_lines WHERE order_no = 'X-1' ORDER BY line_no") == [
        (226,), (114,)
    ]  # fmt: skip
    await owner.close()
