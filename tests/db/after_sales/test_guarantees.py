"""Guarantees and exchanges in the database: what no code may do, however wrong it is."""

import secrets

import psycopg
import pytest

from tests.factories.raw_writes import DirectDatabase

PAYMENT = (
    "INSERT INTO payments (order_no, kind, purpose, guarantee_return_id, provider, amount_minor, currency, status, "
    "idempotency_key, provider_ref, parent_id) VALUES (%s, %s, 'guarantee', %s, 'sandbox', %s, 'CNY', %s, %s, %s, %s) "
    "RETURNING payment_id"
)


async def offered(db: DirectDatabase) -> tuple[str, str]:
    """(order, return) of an advance exchange whose guarantee nobody was asked for yet."""
    order_no, return_id = await db.order(), f"rt_{secrets.token_hex(8)}"
    for event, source, target in (
        ("stock_reserved", "received", "pending_payment"), ("payment_captured", "pending_payment", "paid"),
        ("shipment_booked", "paid", "preparing"), ("shipment_picked_up", "preparing", "shipped"),
        ("shipment_delivered", "shipped", "delivered"),
    ):  # fmt: skip
        await db.event(order_no, event, source, target)
    await db.rows(
        "INSERT INTO returns (return_id, order_no, resolution, reason_code, reason_enc, requested_by, warehouse) "
        "VALUES (%s, %s, 'exchange', 'other', '', 'test', 'WH-EAST')", return_id, order_no
    )  # fmt: skip
    await db.rows("INSERT INTO exchanges (return_id, order_no, advance) VALUES (%s, %s, true)", return_id, order_no)
    await db.rows(
        "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token) "
        "VALUES (%s, %s, 1000, 'CNY', 'sandbox', 'tok_ok')", return_id, order_no
    )  # fmt: skip
    return order_no, return_id


async def guaranteed(db: DirectDatabase) -> tuple[str, str, int]:
    """(order, return, authorisation) of an advance exchange whose guarantee is authorised."""
    order_no, return_id = await offered(db)
    authorisation = await request_payment(db, order_no, return_id, "authorise", status="succeeded")
    await db.rows("UPDATE guarantees SET status = 'authorised' WHERE return_id = %s", return_id)
    return order_no, return_id, authorisation


async def request_payment(
    db: DirectDatabase, order_no: str, return_id: str, kind: str, amount: int = 1000, parent: int | None = None,
    status: str = "intent", time: int = 1,
) -> int:  # fmt: skip
    """A provider is asked for something of the guarantee; the payment's id."""
    key = f"{order_no}/guarantee/{return_id}/{kind}/{time}"
    cursor = await db.app.execute(
        PAYMENT, (order_no, kind, return_id, amount, status, key, secrets.token_hex(8), parent)
    )
    (payment_id,) = await cursor.fetchone() or (0,)
    return int(payment_id)


async def due(db: DirectDatabase, return_id: str, kind: str, claim: int = 1000) -> None:
    """The database says that it is to be claimed, or given back."""
    status, claimed = ("claim_due", claim) if kind == "capture" else ("release_due", None)
    change = "UPDATE guarantees SET status = %s, claim_minor = %s WHERE return_id = %s"
    await db.rows(change, status, claimed, return_id)


@pytest.mark.parametrize("kind", ["capture", "void"])
async def test_a_guarantee_ends_once(db: DirectDatabase, kind: str) -> None:
    order_no, return_id, authorisation = await guaranteed(db)
    await due(db, return_id, kind)
    await request_payment(db, order_no, return_id, kind, parent=authorisation)
    with pytest.raises(Exception, match=r"payments_guarantee_ends_once|payments_one_void"):
        await request_payment(db, order_no, return_id, kind, parent=authorisation, time=2)


@pytest.mark.parametrize(
    ("status", "kind", "amount"),
    [
        ("authorised", "authorise", 1000),  # it is authorised already
        ("authorised", "capture", 1000),  # nobody decided to claim it
        ("authorised", "void", 1000),  # nor to give it back
        ("claim_due", "void", 1000),  # both at once
        ("release_due", "capture", 1000),
        ("claim_due", "capture", 401),  # more than is claimed
        ("claim_due", "capture", 399),
        ("release_due", "void", 999),
    ],
)
async def test_a_provider_is_asked_only_for_what_is_due(
    db: DirectDatabase, status: str, kind: str, amount: int
) -> None:
    order_no, return_id, authorisation = await guaranteed(db)
    if status != "authorised":
        await due(db, return_id, "capture" if status == "claim_due" else "void", 400)
    with pytest.raises(psycopg.Error) as refusal:
        await request_payment(db, order_no, return_id, kind, amount, authorisation, time=2)
    assert refusal.value.sqlstate == "OM173"


async def test_what_is_due_is_taken_from_its_own_authorisation(db: DirectDatabase) -> None:
    order_no, return_id, authorisation = await guaranteed(db)
    _, _, of_another = await guaranteed(db)
    await due(db, return_id, "capture", 400)
    for parent in (None, of_another, await db.payment(order_no, "authorise", "succeeded")):
        with pytest.raises(psycopg.Error) as refusal:
            await request_payment(db, order_no, return_id, "capture", 400, parent)
        assert refusal.value.sqlstate == "OM173"
    await request_payment(db, order_no, return_id, "capture", 400, authorisation)


async def test_what_becomes_of_the_return_decides(db: DirectDatabase) -> None:
    _, return_id, _ = await guaranteed(db)
    for status in ("approved", "expired"):
        await db.rows("UPDATE returns SET status = %s WHERE return_id = %s", status, return_id)
    reported = "SELECT status, claim_minor FROM guarantees WHERE return_id = %s"
    assert await db.rows(reported, return_id) == [("claim_due", 1000)]
    await db.rows("UPDATE returns SET status = 'received' WHERE return_id = %s", return_id)
    assert await db.rows(reported, return_id) == [("authorised", None)]


async def test_a_claim_under_way_is_not_turned_back(db: DirectDatabase) -> None:
    order_no, return_id, authorisation = await guaranteed(db)
    for status in ("approved", "expired"):
        await db.rows("UPDATE returns SET status = %s WHERE return_id = %s", status, return_id)
    await request_payment(db, order_no, return_id, "capture", parent=authorisation)
    await db.rows("UPDATE returns SET status = 'received' WHERE return_id = %s", return_id)
    assert await db.one("SELECT status FROM guarantees WHERE return_id = %s", return_id) == "claim_due"
    back = "UPDATE guarantees SET status = 'release_due' WHERE return_id = %s"
    assert await db.refused(back, return_id) == "OM173"


@pytest.mark.parametrize("status", ["wanted", "claimed", "released", "declined"])
async def test_no_step_is_skipped(db: DirectDatabase, status: str) -> None:
    _, return_id, _ = await guaranteed(db)
    assert await db.refused("UPDATE guarantees SET status = %s WHERE return_id = %s", status, return_id) == "OM173"


@pytest.mark.parametrize(("kind", "end"), [("capture", "claimed"), ("void", "released")])
async def test_it_ends_as_its_provider_says(db: DirectDatabase, kind: str, end: str) -> None:
    order_no, return_id, authorisation = await guaranteed(db)
    await due(db, return_id, kind)
    move = "UPDATE guarantees SET status = %s WHERE return_id = %s"
    assert await db.refused(move, end, return_id) == "OM173"
    asking = await request_payment(db, order_no, return_id, kind, parent=authorisation)
    assert await db.refused(move, end, return_id) == "OM173"
    await db.rows("UPDATE payments SET status = 'succeeded' WHERE payment_id = %s", asking)
    await db.rows(move, end, return_id)


async def test_it_is_authorised_by_its_provider_alone(db: DirectDatabase) -> None:
    order_no, return_id = await offered(db)
    move = "UPDATE guarantees SET status = 'authorised' WHERE return_id = %s"
    await request_payment(db, order_no, return_id, "authorise")
    await db.payment(order_no, "authorise", "succeeded")  # of the order itself
    assert await db.refused(move, return_id) == "OM173"


async def test_an_exchange_falls_back_once(db: DirectDatabase) -> None:
    _, return_id, _ = await guaranteed(db)
    await db.rows("UPDATE exchanges SET status = 'fell_back' WHERE return_id = %s", return_id)
    for status in ("wanted", "placed"):
        assert await db.refused("UPDATE exchanges SET status = %s WHERE return_id = %s", status, return_id) == "OM172"
