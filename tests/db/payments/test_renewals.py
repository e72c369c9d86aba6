"""Renewals in the database: what no code may do, however wrong it is."""

import psycopg
import pytest

from tests.db.after_sales.test_guarantees import due, guaranteed
from tests.factories.raw_writes import DirectDatabase

RENEWAL = (
    "INSERT INTO payments (order_no, kind, purpose, provider, amount_minor, currency, status, "
    "idempotency_key, renews, tries) VALUES (%s, %s, %s, 'sandbox', %s, 'CNY', 'intent', %s, %s, 1) "
    "RETURNING payment_id"
)
SUCCEED = "UPDATE payments SET status = 'succeeded', provider_ref = idempotency_key WHERE payment_id = %s"


async def authorised(db: DirectDatabase) -> tuple[str, int]:
    """(order, authorisation) of an order that waits for its capture."""
    order_no = await db.order()
    await db.event(order_no, "stock_reserved", "received", "pending_payment")
    await db.rows(
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES (%s, %s, 1, 'sandbox', 'tok_ok', 'test')", f"{order_no}/1", order_no
    )  # fmt: skip
    return order_no, await db.payment(order_no, "authorise", "succeeded", await total(db, order_no))


async def total(db: DirectDatabase, order_no: str) -> int:
    return int(await db.one("SELECT total_minor FROM orders WHERE order_no = %s", order_no))


async def renewing(
    db: DirectDatabase, order_no: str, old: int, key: str = "1", kind: str = "authorise", purpose: str = "order",
    amount: int | None = None,
) -> int:  # fmt: skip
    amount = await total(db, order_no) if amount is None else amount
    rows = await db.rows(RENEWAL, order_no, kind, purpose, amount, f"{order_no}/renewal/{key}", old)
    return int(rows[0][0])


async def refused(db: DirectDatabase, order_no: str, old: int, **options: object) -> str | None:
    with pytest.raises(psycopg.Error) as refusal:
        await renewing(db, order_no, old, **options)  # type: ignore[arg-type]
    return refusal.value.sqlstate


async def purposes(db: DirectDatabase, order_no: str) -> list[tuple[str, int | None]]:
    found = await db.rows(
        "SELECT purpose, CASE WHEN attempt > 0 THEN attempt END FROM payments WHERE order_no = %s "
        "AND kind = 'authorise' ORDER BY payment_id", order_no
    )  # fmt: skip
    return [(str(purpose), attempt) for purpose, attempt in found]


async def test_a_renewal_that_succeeds_takes_the_place_in_that_statement(db: DirectDatabase) -> None:
    order_no, old = await authorised(db)
    await db.rows(SUCCEED, await renewing(db, order_no, old))
    assert await purposes(db, order_no) == [("stray", 1), ("order", 2)]
    newest = "SELECT max(attempt) FROM payment_requests WHERE order_no = %s"
    assert await db.one(newest, order_no) == 2


@pytest.mark.parametrize("end", ["capture", "void"])
async def test_a_renewal_of_what_has_ended_meanwhile_is_surplus(db: DirectDatabase, end: str) -> None:
    order_no, old = await authorised(db)
    new = await renewing(db, order_no, old)
    await db.payment(order_no, end, "succeeded", await total(db, order_no), old)
    await db.rows(SUCCEED, new)
    assert await purposes(db, order_no) == [("order", 1), ("stray", None)]


async def test_one_renewal_at_a_time(db: DirectDatabase) -> None:
    order_no, old = await authorised(db)
    await renewing(db, order_no, old)
    with pytest.raises(psycopg.Error, match="payments_one_renewal"):
        await renewing(db, order_no, old, key="2")


async def test_only_what_stands_is_renewed_by_its_amount(db: DirectDatabase) -> None:
    order_no, old = await authorised(db)
    other, _ = await authorised(db)
    assert await refused(db, order_no, old, amount=1) == "OM177"
    assert await refused(db, other, old) == "OM177"
    assert await refused(db, order_no, old, kind="capture") == "OM177"
    assert await refused(db, order_no, old, purpose="stray") == "OM177"
    await db.payment(order_no, "capture", "intent", await total(db, order_no), old)
    assert await refused(db, order_no, old) == "OM177"


@pytest.mark.parametrize("kind", ["capture", "void"])
async def test_a_guarantee_that_is_claimed_or_given_back_is_not_renewed(db: DirectDatabase, kind: str) -> None:
    order_no, return_id, old = await guaranteed(db)
    await due(db, return_id, kind)
    assert await refused(db, order_no, old, purpose="guarantee", amount=1000) == "OM177"


async def test_what_it_renews_does_not_change(db: DirectDatabase) -> None:
    order_no, old = await authorised(db)
    await db.rows("SELECT 1")
    new = await renewing(db, order_no, old)
    with pytest.raises(psycopg.Error):
        await db.rows("UPDATE payments SET renews = NULL WHERE payment_id = %s", new)
