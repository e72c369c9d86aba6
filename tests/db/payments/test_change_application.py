"""A change whose difference is paid: the application applies it just as the trigger does for the last release."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from domain.stock.movements import MovementKind
from infra.db.engine import sqlalchemy_url
from infra.db.payments import change_payments
from tests.db.orders.test_changes import pending
from tests.db.payments.test_change_payments import difference
from tests.factories.raw_writes import DirectDatabase

# Three units of TEA become two, three of CUP are added, and each text is changed with them.
OPEN = (
    "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
    "before_enc, after_enc, ship_to_enc, place, note_enc, slot_from, slot_to, "
    "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) "
    "SELECT o.order_no, 1, 1, 'support:ann', '{address,delivery_slot,lines,note}', "
    """'[{"line_no": 2, "sku": "CUP", "name": "Cup", "delta": 3, "unit_price_minor": 1, "items_minor": 3, """
    """"discount_minor": 0, "shipping_minor": 0, "tax_minor": 0, "tax_added_minor": 0}, """
    """{"line_no": 1, "sku": "TEA", "name": "Tea", "delta": -1, "unit_price_minor": 1, "items_minor": -1, """
    """"discount_minor": 0, "shipping_minor": 0, "tax_minor": 0, "tax_added_minor": 0}]', """
    """'[{"sku": "CUP", "quantity": 3}, {"sku": "TEA", "quantity": -1}]', 'WH-EAST', 'b', 'a', 'address', """
    """'{"country": "DE", "province": "BE", "city": "Berlin"}', 'note', '2030-01-02T08:00Z', '2030-01-02T10:00Z', """
    "3, 5, 2, o.currency, 'sandbox', 'tok', now() FROM orders o WHERE o.order_no = %s"
)
SUCCEED = "UPDATE payments SET status = 'succeeded' WHERE payment_id = %s"
ORDER = (
    "SELECT total_minor, items_minor, country, province, city, ship_to_enc, note_enc, slot_from, slot_to, address_rev, "
    "event_seq, waiting FROM orders WHERE order_no = %s"
)
WRITTEN = {
    "events": "SELECT seq, type, key, data, actor FROM order_events WHERE order_no = %s ORDER BY seq",
    "changes": "SELECT change_no, what, seq, actor, before_enc, after_enc, total_before_minor, total_after_minor, "
    "refund_id FROM order_changes WHERE order_no = %s",
    "change lines": "SELECT change_no, line_no, sku, quantity_delta, items_minor, discount_minor, shipping_minor, "
    "tax_minor, tax_added_minor, kept_line FROM order_change_lines WHERE order_no = %s ORDER BY line_no",
    "lines": "SELECT line_no, sku, name, quantity, unit_price_minor, discount_minor, shipping_minor, tax_minor, "
    "tax_added_minor, cancelled_quantity FROM order_lines WHERE order_no = %s ORDER BY line_no",
    "stock": "SELECT sku, warehouse, quantity, state FROM allocations WHERE order_no = %s ORDER BY sku",
    "movements": "SELECT replace(idempotency_key, order_no, 'order'), kind, sku, quantity, reserved_delta, actor "
    "FROM stock_movements WHERE order_no = %s AND actor = 'system' ORDER BY 1",
}


async def waiting(db: DirectDatabase) -> tuple[str, int]:
    """(order, intent of the payment) of a change of lines and texts that waits for its difference."""
    order_no = await pending(db)
    await db.stock("CUP", 10)
    await db.event(order_no, "payment_captured", "pending_payment", "paid")
    await db.rows(OPEN, order_no)
    await db.move_stock(MovementKind.RESERVE, 3, "CUP", order_no=order_no)
    await db.rows(
        "INSERT INTO allocations (order_no, sku, warehouse, quantity, state) "
        "VALUES (%s, 'CUP', 'WH-EAST', 3, 'reserved')", order_no
    )  # fmt: skip
    return order_no, await difference(db, order_no)


async def written(db: DirectDatabase, order_no: str) -> dict[str, Any]:
    return {"order": await db.rows(ORDER, order_no)} | {
        name: await db.rows(statement, order_no) for name, statement in WRITTEN.items()
    }


async def test_the_application_writes_what_the_trigger_writes(db: DirectDatabase) -> None:
    by_trigger, payment = await waiting(db)
    await db.rows(SUCCEED, payment)
    by_application, payment = await waiting(db)
    engine = create_async_engine(sqlalchemy_url(db.urls.app_url))
    async with engine.begin() as conn, change_payments.applied(conn, by_application, 1):
        await conn.execute(text(SUCCEED.replace("%s", ":payment_id")), {"payment_id": payment})
        values = {"order_no": by_application}
        changed = await conn.execute(text("SELECT FROM order_changes WHERE order_no = :order_no"), values)
        assert changed.all() == [], "the trigger leaves it to the application"
    await engine.dispose()
    assert await written(db, by_application) == await written(db, by_trigger)
    assert len((await written(db, by_application))["changes"]) == 1


@pytest.mark.parametrize("applied", ["SELECT 1", "DELETE FROM order_change_lines WHERE order_no = %s AND line_no = 1"])
async def test_a_paid_change_that_is_not_applied_as_requested_is_refused(db: DirectDatabase, applied: str) -> None:
    order_no, payment = await waiting(db)
    with pytest.raises(Exception, match="a change that is paid is applied as it was requested"):
        async with db.owner.transaction():
            if "%s" not in applied:
                await db.rows("SELECT set_config('oms.change_applied_by', 'application', true)")
            await db.rows(SUCCEED, payment)
            if "%s" in applied:
                await db.rows("SET LOCAL session_replication_role = replica")
                await db.rows(applied, order_no)
                await db.rows("SET LOCAL session_replication_role = origin")
    assert await db.one("SELECT status FROM change_payments WHERE order_no = %s", order_no) == "awaiting_payment"
