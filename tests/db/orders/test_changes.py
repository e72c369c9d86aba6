"""A change of an order that is wrong is refused by the database, independently of the application code."""

import psycopg
import pytest

from domain.stock.movements import MovementKind
from tests.factories.raw_writes import DirectDatabase

CHANGE = (
    "INSERT INTO order_changes (order_no, change_no, what, seq, actor, total_before_minor, total_after_minor) "
    "VALUES (%s, %s, %s, (SELECT event_seq FROM orders WHERE order_no = %s), 'support:ann', %s, %s)"
)
LINE = (
    "INSERT INTO order_change_lines (order_no, change_no, line_no, sku, quantity_delta, items_minor, discount_minor, "
    "shipping_minor, tax_minor, tax_added_minor) VALUES (%s, 1, %s, %s, %s, %s, %s, 0, 0, 0)"
)


async def pending(db: DirectDatabase, quantity: int = 3) -> str:
    """An order of units at 1 each that holds its stock and is not paid."""
    order_no = await db.order(total_minor=quantity, quantity=quantity)
    await db.move_stock(MovementKind.RESERVE, quantity, order_no=order_no)
    await db.app.execute("INSERT INTO allocations VALUES (%s, 'TEA', 'WH-EAST', %s, 'reserved')", (order_no, quantity))
    await db.event(order_no, "stock_reserved", "received", "pending_payment")
    return order_no


async def change(
    db: DirectDatabase,
    order_no: str,
    what: str = "{lines}",
    before: int = 3,
    after: int = 2,
    lines: int = 1,
    **line: object,
) -> None:
    """As a service could send it; `line` are fields of the change's only line."""
    body = {"line_no": 1, "sku": "TEA", "delta": -1, "items": -1, "discount": 0} | line
    async with db.app.transaction():
        await db.app.execute(CHANGE.encode(), (order_no, 1, what, order_no, before, after))
        for _ in range(lines):
            await db.app.execute(LINE.encode(), (order_no, *body.values()))
        if lines and body["delta"] == -1:
            await db.move_stock(MovementKind.RELEASE, 1, order_no=order_no)
            await db.app.execute("UPDATE allocations SET quantity = quantity - 1 WHERE order_no = %s", (order_no,))


async def refused(db: DirectDatabase, order_no: str, **options: object) -> str:
    with pytest.raises(psycopg.Error) as refusal:
        await change(db, order_no, **options)  # type: ignore[arg-type]
    return refusal.value.sqlstate or ""


async def test_a_change_that_adds_up_is_taken(db: DirectDatabase) -> None:
    order_no = await pending(db)
    await change(db, order_no)
    rows = await db.rows("SELECT total_minor, items_minor FROM orders WHERE order_no = %s", order_no)
    assert rows == [(2, 2)]
    assert await db.rows("SELECT quantity, taken_down FROM order_lines WHERE order_no = %s", order_no) == [(2, True)]


@pytest.mark.parametrize(
    ("options", "state"),
    [
        ({"before": 4}, "OM003"),  # it does not begin at the order's total
        ({"after": 1}, "OM003"),  # it does not end at the total that it says
        ({"lines": 0}, "OM003"),  # it says another total and changes nothing
        ({"line_no": 2}, "OM003"),  # a line that is not there
        ({"sku": "CUP"}, "OM003"),  # a line of another product
        ({"items": 0}, "OM003"),  # a line for another price
        ({"delta": -4, "items": -4, "after": -1}, "23514"),  # more than there is
        ({"delta": 1, "items": 1, "after": 4}, "OM003"),  # units that no line has
        ({"discount": 5}, "23514"),
        ({"what": "{wish}"}, "23514"),
        ({"what": "{}"}, "23514"),
        ({"what": "{note}"}, "23514"),  # only lines change what it costs
    ],
)
async def test_what_does_not_add_up_is_refused_and_leaves_nothing(
    db: DirectDatabase, options: dict[str, object], state: str
) -> None:
    order_no = await pending(db)
    assert await refused(db, order_no, **options) == state
    assert await db.rows("SELECT total_minor FROM orders WHERE order_no = %s", order_no) == [(3,)]
    assert not await db.rows("SELECT 1 FROM order_changes WHERE order_no = %s", order_no)


async def test_an_order_that_would_hold_other_than_it_wants_is_refused(db: DirectDatabase) -> None:
    order_no = await pending(db)
    await db.app.execute("UPDATE allocations SET quantity = 5 WHERE order_no = %s", (order_no,))
    assert await refused(db, order_no) == "OM003"


async def test_too_late_is_too_late(db: DirectDatabase) -> None:
    paying, booked, undone = [await pending(db) for _ in range(3)]
    await db.payment(paying, "authorise", "intent", 3)
    await db.payment(booked, "capture", "succeeded", 3)
    await db.event(booked, "payment_captured", "pending_payment", "paid")
    await db.rows(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key) "
        "VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booking', %s)", booked, booked, booked)  # fmt: skip
    await db.app.execute("UPDATE orders SET cancelling = 'x' WHERE order_no = %s", (undone,))
    assert await refused(db, paying) == "OM012"
    assert await refused(db, booked) == "OM012"
    assert await refused(db, booked, what="{address}", after=3, lines=0) == "OM012"
    await change(db, booked, what="{note}", after=3, lines=0)
    for what in ("{address}", "{note}"):
        assert await refused(db, undone, what=what, after=3, lines=0) == "OM012"


async def test_a_paid_line_keeps_its_numbers(db: DirectDatabase) -> None:
    order_no = await pending(db)
    await db.payment(order_no, "capture", "succeeded", 3)
    await db.event(order_no, "payment_captured", "pending_payment", "paid")
    await change(db, order_no)
    rows = await db.rows(
        "SELECT quantity, cancelled_quantity, paid_minor, taken_down FROM order_lines WHERE order_no = %s", order_no
    )
    assert rows == [(3, 1, 3, False)]
    assert await db.rows("SELECT total_minor FROM orders WHERE order_no = %s", order_no) == [(2,)]


async def test_what_a_paid_order_carries_beside_its_lines_stays(db: DirectDatabase) -> None:
    order_no = await pending(db)
    await change(db, order_no, delta=0, items=0, after=3)  # while it is not paid, shares may move
    paid = await pending(db)
    await db.payment(paid, "capture", "succeeded", 3)
    await db.event(paid, "payment_captured", "pending_payment", "paid")
    assert await refused(db, paid, delta=0, items=0, after=3) == "OM003"


async def test_an_unpaid_order_is_changed_to_what_its_rules_give_and_nothing_else(db: DirectDatabase) -> None:
    order_no = await pending(db)
    rules = '{"discount_minor": 0, "shipping_minor": null, "fee_minor": 2, "free_from_minor": 3}'
    await db.rows("UPDATE orders SET priced_by = %s WHERE order_no = %s RETURNING 1", rules, order_no)
    assert await refused(db, order_no) == "OM003"  # two units at 1 are not sent for nothing


async def test_no_booking_begins_with_what_was_read_before_a_change(db: DirectDatabase) -> None:
    order_no = await pending(db)
    await db.app.execute("UPDATE orders SET address_rev = 1 WHERE order_no = %s", (order_no,))
    booking = (
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, address_rev) "
        "VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booking', %s, %s) RETURNING 1"
    )
    assert await db.rows(booking, order_no, order_no, order_no, 0) == []
    assert await db.rows(booking, order_no, order_no, order_no, 1) == [(1,)]
