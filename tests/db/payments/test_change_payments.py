"""A change that waits for its payment, in the database: what no code may do, however wrong it is."""

import pytest

from domain.stock.movements import MovementKind
from tests.db.orders.test_changes import CHANGE, pending
from tests.factories.raw_writes import DirectDatabase

OPEN = (
    "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
    "total_before_minor, total_after_minor, amount_minor, currency, method, token, until) "
    "SELECT o.order_no, %s, 1, 'support:ann', '{lines}', "
    """'[{"line_no": 2, "sku": "TEA", "name": "Tea", "delta": 2, "unit_price_minor": 1, "items_minor": 2, """
    """"discount_minor": 0, "shipping_minor": 0, "tax_minor": 0, "tax_added_minor": 0}]', """
    """'[{"sku": "TEA", "quantity": 2}]', 'WH-EAST', 3, %s, %s, o.currency, 'sandbox', 'tok', now() """
    "FROM orders o WHERE o.order_no = %s"
)
HELD = "SELECT quantity FROM allocations WHERE order_no = %s AND state = 'reserved'"
STATE = "SELECT status FROM change_payments WHERE order_no = %s"
END = "UPDATE change_payments SET status = %s, code = %s WHERE order_no = %s"


async def waiting(db: DirectDatabase) -> str:
    """A paid order of three whose change to five waits for 2."""
    order_no = await pending(db)
    await db.event(order_no, "payment_captured", "pending_payment", "paid")
    await db.rows(OPEN, 1, 5, 2, order_no)
    await db.move_stock(MovementKind.RESERVE, 2, order_no=order_no)
    await db.rows("UPDATE allocations SET quantity = 5 WHERE order_no = %s", order_no)
    return order_no


async def difference(db: DirectDatabase, order_no: str, kind: str = "capture", amount: int = 2, change: int = 1) -> int:
    """The intent of a payment for it."""
    (row,) = await db.rows(
        "INSERT INTO payments (order_no, kind, purpose, change_payment_no, provider, amount_minor, currency, status, "
        "idempotency_key, provider_ref) SELECT order_no, %s, 'supplement', %s, 'sandbox', %s, currency, 'intent', "
        "gen_random_uuid(), gen_random_uuid() FROM orders WHERE order_no = %s RETURNING payment_id",
        kind, change, amount, order_no)  # fmt: skip
    return int(row[0])


async def answered(db: DirectDatabase, payment_id: int, status: str) -> None:
    await db.rows("UPDATE payments SET status = %s WHERE payment_id = %s", status, payment_id)


async def test_a_capture_makes_the_change(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    await answered(db, await difference(db, order_no), "succeeded")
    assert await db.one(STATE, order_no) == "applied"
    assert await db.one("SELECT total_minor FROM orders WHERE order_no = %s", order_no) == 5
    assert await db.one("SELECT sum(quantity) FROM order_lines WHERE order_no = %s", order_no) == 5


async def test_a_refusal_frees_what_it_held_and_what_comes_later_is_not_the_orders(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    payment = await difference(db, order_no)
    await answered(db, payment, "failed")
    assert (await db.one(STATE, order_no), await db.one(HELD, order_no)) == ("undone", 3)
    await answered(db, payment, "succeeded")
    assert await db.one("SELECT purpose FROM payments WHERE payment_id = %s", payment) == "stray"
    assert await db.one("SELECT total_minor FROM orders WHERE order_no = %s", order_no) == 3


async def test_a_held_order_takes_no_difference_and_its_time_stands_still(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    hold = (
        "INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc, "
        "escalate_at, until) VALUES (%s, %s, %s, %s, 'support', 'release', 'support:ann', '', now() + interval '1 h', "
        "now() + interval '1 h')"
    )
    ask = (
        "INSERT INTO payments (order_no, kind, purpose, change_payment_no, provider, amount_minor, currency, status, "
        "idempotency_key) VALUES (%s, 'authorise', 'supplement', 1, 'sandbox', 2, 'CNY', 'intent', %s)"
    )
    left = "SELECT difference_until(%s, 1) > now(), isfinite(difference_until(%s, 1))"
    assert (await db.rows(left, order_no, order_no))[0] == (False, True)
    await db.app.execute(hold, (order_no, 1, "address", ["paid"]))
    assert (await db.rows(left, order_no, order_no))[0] == (False, True)
    await db.app.execute(hold, (order_no, 2, "payment", ["pending_payment", "paid"]))
    assert (await db.rows(left, order_no, order_no))[0] == (True, False)
    assert await db.refused(ask, order_no, f"held {order_no}") == "OM006"
    assert await difference(db, order_no), "what a provider tells of by itself is kept"
    release = "UPDATE holds SET closed_at = now(), closed_by = 'a', outcome = 'released' WHERE order_no = %s"
    await db.app.execute(release, (order_no,))
    assert (await db.rows(left, order_no, order_no))[0] == (True, True)
    await db.app.execute(ask, (order_no, f"free {order_no}"))


async def test_the_difference_is_taken_once_and_only_that(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    await difference(db, order_no)
    with pytest.raises(Exception, match="payments_one_change_payment"):
        await difference(db, order_no)
    for case in ({"amount": 3}, {"change": 2}):
        with pytest.raises(Exception, match="no change waits"):
            await difference(db, order_no, "authorise", **case)


@pytest.mark.parametrize(("status", "code"), [("applied", None), ("undone", None), ("awaiting_payment", "x")])
async def test_it_ends_as_it_must(db: DirectDatabase, status: str, code: str | None) -> None:
    order_no = await waiting(db)
    assert await db.refused(END, status, code, order_no) in ("OM018", "23514")


async def test_it_ends_once(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    await db.rows(END, "undone", "declined", order_no)
    assert await db.one(HELD, order_no) == 3
    for status, code in (("undone", "again"), ("awaiting_payment", None)):
        assert await db.refused(END, status, code, order_no) == "OM018"


async def test_one_at_a_time_and_nothing_beside_it(db: DirectDatabase) -> None:
    order_no = await waiting(db)
    assert await db.refused(OPEN, 2, 5, 2, order_no) == "23505"
    assert await db.refused(CHANGE, order_no, 1, "{note}", order_no, 3, 3) == "OM012"


@pytest.mark.parametrize(("after", "amount"), [(5, 3), (3, 0), (2, -1)])
async def test_its_amount_is_the_difference(db: DirectDatabase, after: int, amount: int) -> None:
    order_no = await pending(db)
    await db.event(order_no, "payment_captured", "pending_payment", "paid")
    assert await db.refused(OPEN, 1, after, amount, order_no) == "23514"


async def test_only_of_a_paid_order(db: DirectDatabase) -> None:
    assert await db.refused(OPEN, 1, 5, 2, await pending(db)) == "OM012"


@pytest.mark.parametrize("case", ["cancel", "go on"])
async def test_an_order_that_goes_on_leaves_none_behind(db: DirectDatabase, case: str) -> None:
    order_no = await waiting(db)
    if case == "cancel":
        await db.rows("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", order_no)
    else:
        await db.event(order_no, "shipment_recorded", "paid", "preparing")
    assert (await db.one(STATE, order_no), await db.one(HELD, order_no)) == ("undone", 3)
    seqs = await db.rows("SELECT seq FROM order_events WHERE order_no = %s ORDER BY seq", order_no)
    assert [row[0] for row in seqs] == list(range(1, len(seqs) + 1))
