"""Numbers of documents in the database: no gap, no change, no more credited than invoiced, whatever the code tries."""

import asyncio
import json
import secrets
from typing import Any

import psycopg
import pytest

from tests.db.after_sales.test_guarantees import guaranteed
from tests.db.conftest import Tampering
from tests.db.payments.test_change_payments import answered, difference, waiting
from tests.factories.raw_writes import Connection, DirectDatabase, connect
from tests.order_stage import eventually

DOCUMENT = (
    "INSERT INTO documents (kind, series, number, order_no, refund_id, time_zone, issued_by, currency, total_minor,"
    " tax_minor, content, billed_to_enc) VALUES (%(kind)s, %(series)s, %(number)s, %(order_no)s, %(refund_id)s,"
    " 'Asia/Shanghai', 'test', %(currency)s, %(total)s, 0, %(content)s, '') RETURNING document_no, number"
)
REFUND = (
    "WITH kept AS (SELECT payment_id FROM payments WHERE order_no = %(order_no)s AND kind = 'capture'"
    " AND purpose = 'order'),"
    " refund AS (INSERT INTO refunds (refund_id, order_no, origin, amount_minor, goods_minor, shipping_minor, currency,"
    " status, asked_by, reason_enc) VALUES (%(id)s, %(order_no)s, 'support', %(minor)s, %(minor)s, 0, 'CNY',"
    " 'approved', 'test', '') RETURNING refund_id),"
    " part AS (INSERT INTO refund_allocations SELECT refund_id, payment_id, %(minor)s FROM refund, kept)"
    " INSERT INTO refund_lines (refund_id, line_no, quantity, amount_minor)"
    " SELECT refund_id, 1, 0, %(minor)s FROM refund"
)
REFUSED, GUARDED = "OM014", "OM003"


def values(order_no: str, **changed: Any) -> dict[str, Any]:
    """An invoice over what the order cost."""
    total = changed.get("total", 1000)
    content = {"lines": [{"line_no": 1, "total_minor": total, "tax_minor": 0}], "shipping_minor": 0}
    row = {"kind": "invoice", "series": "INV", "number": None, "order_no": order_no, "refund_id": None}
    return {**row, "currency": "CNY", "total": total, "content": json.dumps(content), **changed}


async def paid(db: DirectDatabase) -> str:
    order_no = await db.order()
    await db.owner.execute("UPDATE order_lines SET unit_price_minor = 1000 WHERE order_no = %s", (order_no,))
    await db.paid_in(order_no)
    return order_no


def document(changed: dict[str, Any]) -> str:
    """The services name no number; whoever does is the owner."""
    return DOCUMENT if "number" in changed else DOCUMENT.replace(" number,", "").replace(" %(number)s,", "")


async def issue(through: Connection, order_no: str, **changed: Any) -> tuple[str, int]:
    row = await (await through.execute(document(changed), values(order_no, **changed))).fetchone()
    assert row is not None
    return row[0], row[1]


async def refusal(db: DirectDatabase, order_no: str, **changed: Any) -> psycopg.Error:
    with pytest.raises(psycopg.Error) as caught:
        await issue(db.owner if "number" in changed else db.app, order_no, **changed)
    return caught.value


async def refunded(db: DirectDatabase, order_no: str, minor: int, paid_back: bool = True) -> str:
    refund_id = f"rfd_{secrets.token_hex(4)}"
    await db.owner.execute(REFUND, {"order_no": order_no, "id": refund_id, "minor": minor})
    if paid_back:
        await db.owner.execute(
            "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
            " provider_ref, parent_id, refund_id) SELECT order_no, 'refund', 1, 'sandbox', %(minor)s, 'CNY',"
            " 'succeeded', %(id)s, %(id)s, payment_id, %(id)s FROM payments WHERE order_no = %(order_no)s"
            " AND kind = 'capture' AND purpose = 'order'",
            {"order_no": order_no, "id": refund_id, "minor": minor},
        )
        await db.owner.execute("UPDATE refunds SET status = 'succeeded' WHERE refund_id = %s", (refund_id,))
    return refund_id


async def last(db: DirectDatabase, series: str = "INV") -> int:
    found = await db.rows("SELECT last_number FROM document_series WHERE series = %s ORDER BY year DESC", series)
    return int(found[0][0]) if found else 0


async def test_a_transaction_that_rolls_back_leaves_no_gap(db: DirectDatabase) -> None:
    before = await last(db)
    with pytest.raises(ZeroDivisionError):
        async with db.app.transaction():
            await issue(db.app, await paid_elsewhere(db))
            raise ZeroDivisionError
    assert (await issue(db.app, await paid(db)))[1] == before + 1 == await last(db)


async def paid_elsewhere(db: DirectDatabase) -> str:
    """A paid order that stays when the transaction of `db.app` does not."""
    other = await connect(db.urls.app_url)
    try:
        return await paid(DirectDatabase(db.urls, db.owner, other))
    finally:
        await other.close()


async def test_who_asks_at_once_gets_one_number_after_the_other(db: DirectDatabase) -> None:
    orders, before = [await paid(db) for _ in range(20)], await last(db)
    connections = [await connect(db.urls.app_url) for _ in range(10)]
    numbers: list[int] = []

    async def one(place: int, connection: Connection) -> None:
        for order_no in orders[place::10]:
            numbers.append((await issue(connection, order_no))[1])

    await asyncio.gather(*(one(place, connection) for place, connection in enumerate(connections)))
    for connection in connections:
        await connection.close()
    assert sorted(numbers) == list(range(before + 1, before + 21))
    times = await db.rows("SELECT number FROM documents WHERE series = 'INV' ORDER BY issued_at")
    assert [row[0] for row in times] == list(range(1, before + 21))


@pytest.mark.parametrize("ahead", [-1, 0, 2, 100])
async def test_a_number_that_is_not_the_next_is_refused(db: DirectDatabase, ahead: int) -> None:
    await issue(db.app, await paid(db))
    before, order_no = await last(db), await paid(db)
    refused = await refusal(db, order_no, number=before + ahead)
    assert (refused.sqlstate, refused.diag.message_primary) == (REFUSED, "document_number_gap")
    assert await last(db) == before
    assert (await issue(db.owner, order_no, number=before + 1))[1] == before + 1


def content(*lines: tuple[int, int], **more: int) -> dict[str, Any]:
    """Content of these lines (total, tax)."""
    rows = [{"total_minor": total, "tax_minor": tax} for total, tax in lines]
    return {"content": json.dumps({"lines": rows, **more})}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "sum": (content((1, 0), shipping_minor=0), REFUSED),
    "no lines": (content(shipping_minor=1000), REFUSED),
    "no shipping": (content((1000, 0)), REFUSED),
    "no tax said": ({"content": '{"lines": [{"total_minor": 1000}], "shipping_minor": 0}'}, REFUSED),
    "tax": (content((1000, 5), shipping_minor=0), REFUSED),
    "series": ({"series": "CN"}, "23514"),
    "nothing": ({"total": 0}, "23514"),
    "refund": ({"refund_id": "rfd_none"}, "23514"),
}


@pytest.mark.parametrize("wrong", WRONG)
async def test_what_is_no_invoice_is_refused_and_takes_no_number(db: DirectDatabase, wrong: str) -> None:
    order_no, before = await paid(db), await last(db)
    change, sqlstate = WRONG[wrong]
    assert (await refusal(db, order_no, **change)).sqlstate == sqlstate
    assert await last(db) == before


async def test_an_unpaid_order_and_a_second_invoice_are_refused(db: DirectDatabase) -> None:
    assert (await refusal(db, await db.order())).diag.message_primary == "not_invoiceable"
    order_no = await paid(db)
    await issue(db.app, order_no, total=500)
    assert (await refusal(db, order_no, total=500)).diag.constraint_name == "documents_one_first_invoice"


async def credit(db: DirectDatabase, order_no: str, refund_id: str | None, total: int, **changed: Any) -> None:
    await issue(db.app, order_no, kind="credit_note", series="CN", refund_id=refund_id, total=total, **changed)


async def test_credit_notes_stay_within_their_invoice(db: DirectDatabase) -> None:
    order_no = await paid(db)
    first = await refunded(db, order_no, 400)
    with pytest.raises(psycopg.Error, match="credit_note_without_invoice"):
        await credit(db, order_no, first, 400)
    await issue(db.app, order_no, total=900)  # an invoice over less than was paid: what went back must not exceed it
    await credit(db, order_no, first, 400)
    with pytest.raises(psycopg.errors.UniqueViolation):
        await credit(db, order_no, first, 400)
    second = await refunded(db, order_no, 600)
    with pytest.raises(psycopg.errors.CheckViolation, match="credit_notes_within_invoice"):
        await credit(db, order_no, second, 600)
    totals = await db.rows("SELECT invoiced_minor, credited_minor FROM document_totals WHERE order_no = %s", order_no)
    assert totals == [(900, 400)]


async def test_a_credit_note_is_of_money_that_went_back(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await issue(db.app, order_no)
    shipping = {"lines": [], "shipping_minor": 50}
    charge = await refunded(db, order_no, 50)
    await credit(db, order_no, charge, 50, content=json.dumps(shipping))
    waiting = await refunded(db, order_no, 100, paid_back=False)
    done = await refunded(db, order_no, 200)
    for refund_id, total in ((waiting, 100), (done, 199), ("rfd_none", 1), (None, 1000)):
        with pytest.raises(psycopg.Error, match="not_creditable"):
            await credit(db, order_no, refund_id, total)
    other = await paid(db)
    await issue(db.app, other)
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        await credit(db, other, done, 200)
    with pytest.raises(psycopg.Error, match="credit_note_without_invoice"):
        await credit(db, order_no, done, 200, currency="USD")


async def test_a_document_is_not_changed_removed_or_renumbered_by_its_owner(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await issue(db.app, order_no)
    for statement in (
        "UPDATE documents SET total_minor = 1 WHERE order_no = %s",
        "DELETE FROM documents WHERE order_no = %s",
        "UPDATE document_series SET last_number = last_number + 1 WHERE %s <> ''",
        "INSERT INTO document_series SELECT 'INV', 2000, 1 WHERE %s <> ''",
        "DELETE FROM document_series WHERE %s <> ''",
    ):
        assert await db.refused(statement, order_no, by_owner=True) == GUARDED, statement
    for table in ("documents", "document_series", "credit_note_parts"):
        assert await db.refused(f"TRUNCATE {table} CASCADE", by_owner=True) == GUARDED


async def test_a_series_set_back_past_every_guard_gives_no_number_twice(
    db: DirectDatabase, tampering: Tampering
) -> None:
    await issue(db.app, await paid(db))
    await tampering.execute("UPDATE document_series SET last_number = last_number - 1 WHERE series = 'INV'")
    try:
        assert (await refusal(db, await paid(db))).sqlstate == "23505"
    finally:
        await tampering.execute("UPDATE document_series SET last_number = last_number + 1 WHERE series = 'INV'")


async def invoiced_and_more_expensive(db: DirectDatabase, invoiced: int = 3) -> str:
    """An order that 3 were paid for and, after its invoice, 2 on top."""
    order_no = await waiting(db)
    await db.paid_in(order_no, 3)
    await issue(db.app, order_no, total=invoiced)
    await answered(db, await difference(db, order_no), "succeeded")
    return order_no


async def test_what_is_paid_on_top_of_an_invoice_has_one_of_its_own_with_its_capture(db: DirectDatabase) -> None:
    before, order_no = await last(db), await invoiced_and_more_expensive(db)
    found = await db.rows(
        "SELECT number, supplement_no, total_minor FROM documents WHERE order_no = %s ORDER BY number", order_no
    )
    assert found == [(before + 1, None, 3), (before + 2, 1, 2)]
    assert await db.one("SELECT invoiced_minor FROM document_totals WHERE order_no = %s", order_no) == 5
    # The services do not name a supplement; its owner issues none twice, and none that is not paid.
    named = DOCUMENT.replace("number,", "supplement_no,").replace("%(number)s,", "%(supplement)s,")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await db.app.execute(named, values(order_no, supplement=1, total=2))
    for number, supplement, total in ((order_no, 1, 2), (order_no, 2, 2), (await waiting(db), 1, 2)):
        with pytest.raises(psycopg.Error, match="not_invoiceable"):
            await db.owner.execute(named, values(number, supplement=supplement, total=total))
    await db.owner.execute("SELECT invoice_change_payment(s) FROM change_payments s WHERE order_no = %s", (order_no,))
    assert await last(db) == before + 2


@pytest.mark.parametrize("invoice_first", [True, False])
async def test_an_invoice_and_a_capture_at_once_are_over_all_of_it_once(
    db: DirectDatabase, invoice_first: bool
) -> None:
    """Who comes second waits for the order's row: held open here until it does."""
    order_no = await waiting(db)
    await db.paid_in(order_no, 3)
    payment_id = await difference(db, order_no)
    one, other = await connect(db.urls.app_url), await connect(db.urls.app_url)
    pay = "UPDATE payments SET status = 'succeeded' WHERE payment_id = %s"

    async def ask(through: Connection) -> None:
        """As the front door does: the order's row first, then what was captured."""
        async with through.transaction():
            await through.execute("SELECT 1 FROM orders WHERE order_no = %s FOR UPDATE", (order_no,))
            await issue(through, order_no, total=3 if invoice_first else 5)

    async def capture(through: Connection) -> None:
        await through.execute(pay, (payment_id,))

    first, second = (ask, capture) if invoice_first else (capture, ask)

    async def waits() -> bool:
        return bool(await db.one("SELECT cardinality(pg_blocking_pids(%s)) > 0", other.info.backend_pid))

    async with one.transaction():
        await first(one)
        later = asyncio.create_task(second(other))
        await eventually(waits, 60)
    await later
    found = await db.rows("SELECT total_minor FROM documents WHERE order_no = %s ORDER BY number", order_no)
    assert found == ([(3,), (2,)] if invoice_first else [(5,)])
    await one.close()
    await other.close()


async def test_a_supplement_has_one_invoice_whatever_else_was_paid(db: DirectDatabase) -> None:
    order_no = await invoiced_and_more_expensive(db, invoiced=1)
    named = DOCUMENT.replace("number,", "supplement_no,").replace("%(number)s,", "%(supplement)s,")
    with pytest.raises(psycopg.errors.UniqueViolation, match="documents_one_of_change_payment"):
        await db.owner.execute(named, values(order_no, supplement=1, total=2))


async def test_no_more_is_invoiced_than_was_captured(db: DirectDatabase) -> None:
    assert (await refusal(db, await paid(db), total=1001)).diag.message_primary == "not_invoiceable"


async def test_credit_notes_stay_within_each_invoice(db: DirectDatabase) -> None:
    order_no = await invoiced_and_more_expensive(db)
    refund_id = await refunded(db, order_no, 3)
    for first, more, refusal_of_it in ((0, 3, "credit_notes_within_their_invoice"), (1, 2, None)):
        rows = [
            {"line_no": 1, "total_minor": first, "tax_minor": 0},
            {"line_no": 2, "total_minor": more, "tax_minor": 0},
        ]
        sent = credit(db, order_no, refund_id, 3, content=json.dumps({"lines": rows, "shipping_minor": 0}))
        if refusal_of_it is None:
            await sent
        else:
            with pytest.raises(psycopg.errors.CheckViolation, match=refusal_of_it):
                await sent
    parts = await db.rows(
        "SELECT p.total_minor FROM credit_note_parts p JOIN documents i ON i.document_no = p.invoice_no "
        "WHERE i.order_no = %s ORDER BY i.number",
        order_no,
    )
    assert parts == [(1,), (2,)]


async def test_a_credit_note_is_of_lines_that_are_invoiced(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await issue(db.app, order_no)
    refund_id = await refunded(db, order_no, 10)
    for line in ({"line_no": 2}, {}):
        sent = {"lines": [{"total_minor": 10, "tax_minor": 0, **line}], "shipping_minor": 0}
        with pytest.raises(psycopg.Error, match="credit_note_without_invoice"):
            await credit(db, order_no, refund_id, 10, content=json.dumps(sent))


async def lost(db: DirectDatabase, order_no: str, capture: int, minor: int) -> int:
    """A dispute of the capture that is lost."""
    dispute = await db.payment(order_no, "dispute", "succeeded", minor, parent=capture)
    await db.rows(
        "INSERT INTO disputes (payment_id, order_no, reason) VALUES (%s, %s, 'fraudulent')", dispute, order_no
    )
    await db.rows("UPDATE disputes SET status = 'lost', closed_at = now() WHERE payment_id = %s", dispute)
    return dispute


async def test_a_lost_dispute_has_one_credit_note_over_it_and_no_other_has_one(db: DirectDatabase) -> None:
    order_no = await paid(db)
    await issue(db.app, order_no)
    capture = await db.one("SELECT payment_id FROM payments WHERE order_no = %s AND kind = 'capture'", order_no)
    dispute = await lost(db, order_no, capture, 400)
    found = await db.rows("SELECT total_minor FROM documents WHERE dispute_id = %s", dispute)
    assert found == [(400,)]
    named = DOCUMENT.replace("number,", "dispute_id,").replace("%(number)s,", "%(dispute)s,")
    note = {"kind": "credit_note", "series": "CN", "total": 400}
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await db.app.execute(named, values(order_no, dispute=dispute, **note))
    with pytest.raises(psycopg.errors.UniqueViolation, match="documents_one_of_dispute"):
        await db.owner.execute(named, values(order_no, dispute=dispute, **note))
    other = await paid(db)
    await issue(db.app, other)
    for number, of, total in ((other, dispute, 400), (order_no, dispute, 399), (order_no, capture, 400)):
        with pytest.raises(psycopg.Error, match="not_creditable"):
            await db.owner.execute(named, values(number, dispute=of, **note | {"total": total}))


async def test_a_claims_invoice_is_over_a_guarantee_that_was_claimed(db: DirectDatabase) -> None:
    order_no, return_id, _ = await guaranteed(db)
    named = DOCUMENT.replace("number,", "return_id,").replace("%(number)s,", "%(return)s,")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        await db.app.execute(named, values(order_no) | {"return": return_id})
    with pytest.raises(psycopg.Error, match="not_invoiceable"):
        await db.owner.execute(named, values(order_no) | {"return": return_id})


FEEDBACK = (
    "INSERT INTO feedback (feedback_id, order_no, feedback_no, kind, rating, text_enc, given_by)"
    " VALUES (%s, %s, %s, 'feedback', %s, '', 'customer:c')"
)


async def test_feedback_is_bounded_answered_once_and_stays(db: DirectDatabase) -> None:
    order_no = await db.order()
    await db.app.execute(FEEDBACK, (order_no, order_no, 1, 5))
    assert await db.refused(FEEDBACK, f"{order_no}x", order_no, 6, 5) == "23514"
    assert await db.refused(FEEDBACK, f"{order_no}x", order_no, 2, 0) == "23514"
    assert await db.refused(FEEDBACK, f"{order_no}x", order_no, 1, 5) == "23505"
    answer = "UPDATE feedback SET answer_enc = '', answered_by = 'support:amy', answered_at = now() WHERE order_no = %s"
    await db.app.execute(answer, (order_no,))
    assert await db.refused(answer, order_no) == GUARDED
    for change in ("rating = 1", "kind = 'complaint'", "text_enc = 'x'", "answered_by = 'support:bob'"):
        assert await db.refused(f"UPDATE feedback SET {change} WHERE order_no = %s", order_no, by_owner=True) == GUARDED
    assert await db.refused("DELETE FROM feedback WHERE order_no = %s", order_no, by_owner=True) == GUARDED
