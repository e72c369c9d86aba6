"""What a payment is for is in its columns; processes of the version before write and read it as a number."""

import secrets

import pytest

from infra.db import revisions
from tests.db.after_sales.test_guarantees import due, guaranteed
from tests.db.payments.test_change_payments import difference, waiting
from tests.db.payments.test_renewals import authorised, renewing
from tests.factories.raw_writes import DirectDatabase

OLD_FORM = (
    "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
    "idempotency_key, parent_id) VALUES (%s, %s, %s, %s, 'sandbox', %s, 'CNY', 'intent', %s, %s)"
)
COLUMNS = "SELECT attempt, change_payment_no, guarantee_return_id FROM payments WHERE idempotency_key = %s"
OF_ORDER = (
    "SELECT attempt, change_payment_no, guarantee_return_id FROM payments WHERE order_no = %s ORDER BY payment_id"
)
AS_BEFORE = (
    "ALTER TABLE payments DROP CONSTRAINT payment_of_a_change, DROP CONSTRAINT payment_of_a_guarantee",
    "SET LOCAL session_replication_role = replica",
    "UPDATE payments SET change_payment_no = NULL, guarantee_return_id = NULL",
)


async def written_before(db: DirectDatabase, *values: object) -> tuple[object, ...]:
    """The columns of a row that a process of the version before inserts; its key is the sixth value."""
    await db.app.execute(OLD_FORM, values)
    return (await db.rows(COLUMNS, values[5]))[0]


async def test_a_row_of_the_version_before_gets_its_columns(db: DirectDatabase) -> None:
    changed = await waiting(db)
    key = f"{changed}/supplement/1/authorise/1"
    row = await written_before(db, changed, "authorise", "supplement", -1001, 2, key, None)
    assert row == (-1001, 1, None)
    order_no, return_id, authorisation = await guaranteed(db)
    await due(db, return_id, "void")
    key = f"{order_no}/guarantee/{return_id}/void/1"
    row = await written_before(db, order_no, "void", "guarantee", -2, 1000, key, authorisation)
    assert row == (-2, None, return_id)


async def test_the_version_before_finds_its_numbers(db: DirectDatabase) -> None:
    changed = await waiting(db)
    await difference(db, changed)
    assert await db.rows(OF_ORDER, changed) == [(-1001, 1, None)]
    order_no, return_id, _ = await guaranteed(db)
    assert await db.rows(OF_ORDER, order_no) == [(-2, None, return_id)]
    renewed, old = await authorised(db)
    await renewing(db, renewed, old)
    assert [row[0] for row in await db.rows(OF_ORDER, renewed)] == [1, -3]


@pytest.mark.parametrize(
    ("kind", "purpose", "change", "guaranteed"),
    [
        ("capture", "supplement", None, False),
        ("capture", "order", 1, False),
        ("refund", "supplement", 1, False),
        ("void", "guarantee", None, False),
        ("authorise", "order", None, True),
        ("refund", "guarantee", None, True),
    ],
)
async def test_purpose_and_columns_fit_together(
    db: DirectDatabase, kind: str, purpose: str, change: int | None, guaranteed: bool
) -> None:
    """Whoever writes the row, and past the triggers."""
    statement = (
        "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
        "idempotency_key, change_payment_no, guarantee_return_id) "
        "VALUES ('none', %s, %s, 1, 'sandbox', 1, 'CNY', 'intent', %s, %s, %s)"
    )
    await db.rows("SET session_replication_role = replica")
    values = (kind, purpose, secrets.token_hex(8), change, "rt_1" if guaranteed else None)
    refused = await db.refusal(statement, *values, by_owner=True)
    await db.rows("RESET session_replication_role")
    assert refused.diag.constraint_name in ("payment_of_a_change", "payment_of_a_guarantee")


async def test_the_columns_name_what_exists_and_stay(db: DirectDatabase) -> None:
    changed = await waiting(db)
    payment = await difference(db, changed, "authorise")
    for column in ("change_payment_no = 2", "change_payment_no = NULL, purpose = 'order'"):
        change = f"UPDATE payments SET {column} WHERE payment_id = %s"
        assert await db.refused(change, payment, by_owner=True) == "OM003"
    await db.rows("UPDATE payments SET purpose = 'stray' WHERE payment_id = %s", payment)
    unapplied = (
        "INSERT INTO payments (order_no, kind, purpose, provider, amount_minor, currency, status, idempotency_key, "
        "change_payment_no, guarantee_return_id) VALUES (%s, 'capture', 'stray', 'sandbox', 1, 'CNY', 'intent', %s, "
        "%s, %s)"
    )
    for change_no, return_id in ((2, None), (None, "rt_none")):
        refused = await db.refusal(unapplied, changed, secrets.token_hex(8), change_no, return_id)
        assert refused.diag.constraint_name in ("payment_of_its_change", "payment_of_its_guarantee")


async def test_the_migration_fills_older_rows_a_part_at_a_time(db: DirectDatabase) -> None:
    """In a transaction that is taken back: the rows as they were before the columns."""
    changed = await waiting(db)
    await difference(db, changed, "authorise")
    order_no, _, _ = await guaranteed(db)
    plain, _ = await authorised(db)
    numbers = (changed, order_no, plain)
    before = [await db.rows(OF_ORDER, number) for number in numbers]
    fill = revisions.read("0073_payment_columns_filled").replace("LIMIT 1000", "LIMIT 1")
    async with db.owner.transaction(force_rollback=True):
        for statement in AS_BEFORE:
            await db.rows(statement)
        assert [await db.rows(OF_ORDER, number) for number in numbers] != before
        counts: list[int] = []
        while not counts or counts[-1]:
            counts.append((await db.owner.execute(fill.encode())).rowcount)
        assert counts[0] == 1 and len(counts) > 2
        assert [await db.rows(OF_ORDER, number) for number in numbers] == before
