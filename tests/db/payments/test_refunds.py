"""Refunds in the database: what a careless or hostile service cannot write, independently of its code."""

import secrets
from collections.abc import AsyncIterator

import psycopg
import pytest
from sqlalchemy import text

from domain.errors import Conflict
from domain.payments.refunds import REFUND_TRANSITIONS, Origin, RefundStatus
from infra.db.engine import Database
from infra.db.payments import refund_plans, refunds
from infra.db.payments.refund_plans import NewRefund, NewRefundLine
from tests.api.conftest import settings_for
from tests.conftest import DatabaseUrls
from tests.factories.raw_writes import PAYMENT, DirectDatabase
from workers.relay.main import lapse_refunds

OPEN = (
    "INSERT INTO refunds (refund_id, order_no, origin, amount_minor, goods_minor, shipping_minor, currency, status, "
    "asked_by, reason_enc) VALUES (%s, %s, 'support', %s, %s, 0, %s, %s, 'support:ann', '')"
)


@pytest.fixture(scope="module")
async def database(database_url: DatabaseUrls) -> AsyncIterator[Database]:
    opened = Database.from_settings(settings_for(database_url))
    yield opened
    await opened.close()


async def order(db: DirectDatabase, units: int = 10) -> tuple[str, int]:
    """An order of so many units at 1, paid; its number and its capture."""
    order_no = await db.order(units, units)
    return order_no, await db.paid_in(order_no, units)


def ask(order_no: str, **options: object) -> NewRefund:
    fields = {"refund_id": f"rf_{secrets.token_hex(16)}", "order_no": order_no, "origin": Origin.SUPPORT,
              "asked_by": "support:ann", "reason": "x"} | options  # fmt: skip
    return NewRefund(**fields)  # type: ignore[arg-type]


async def opened(database: Database, order_no: str, **options: object) -> refunds.OpenedRefund:
    async with database.begin() as conn:
        return await refunds.open_refund(conn, None, ask(order_no, **options))


async def raw(db: DirectDatabase, order_no: str, capture: int, amount: int = 4, *, of_line: int | None = None,
              of_capture: int | None = None, currency: str = "CNY", status: str = "approved") -> str:  # fmt: skip
    """A refund written manually in one transaction; its id. Raises psycopg.Error."""
    refund_id = f"rf_{secrets.token_hex(8)}"
    async with db.app.transaction():
        await db.app.execute(OPEN.encode(), (refund_id, order_no, amount, amount, currency, status))
        await db.app.execute(
            "INSERT INTO refund_lines (refund_id, line_no, quantity, amount_minor) VALUES (%s, 1, 0, %s)",
            (refund_id, amount if of_line is None else of_line),
        )
        await db.app.execute(
            "INSERT INTO refund_allocations VALUES (%s, %s, %s)",
            (refund_id, capture, amount if of_capture is None else of_capture),
        )
    return refund_id


async def test_the_moves_are_those_of_the_domain(db: DirectDatabase) -> None:
    assert {row[0] for row in await db.rows("SELECT status FROM refund_statuses")} == {*RefundStatus}
    rows = await db.rows("SELECT from_status, to_status FROM refund_transitions")
    table = {(source, target) for source, targets in REFUND_TRANSITIONS.items() for target in targets}
    assert {(RefundStatus(a), RefundStatus(b)) for a, b in rows} == table


async def test_it_is_the_sum_of_its_lines_and_of_its_parts(db: DirectDatabase) -> None:
    order_no, capture = await order(db)
    for wrong in ({"of_line": 3}, {"of_capture": 3}):
        with pytest.raises(psycopg.Error) as refused:
            await raw(db, order_no, capture, **wrong)
        assert refused.value.sqlstate == "OM004"
    refund_id = await raw(db, order_no, capture)
    for table, row in (("refund_lines", "(%s, 2, 1, 1)"), ("refund_allocations", "(%s, 99, 1)")):
        assert await db.refused(f"INSERT INTO {table} VALUES {row}", refund_id) in ("OM004", "23503")
    assert await db.one("SELECT count(*) FROM refunds WHERE order_no = %s", order_no) == 1


async def test_it_is_in_its_orders_currency_and_goes_back_to_its_own_capture(db: DirectDatabase) -> None:
    order_no, capture = await order(db)
    _, foreign = await order(db)
    unapplied = await db.paid_in(order_no, purpose="stray")
    for wrong in ({"currency": "USD"}, {"status": "succeeded"}, {"status": "awaiting_approval"}):
        with pytest.raises(psycopg.Error) as refused:
            await raw(db, order_no, capture, **wrong)  # type: ignore[arg-type]
        assert refused.value.sqlstate in ("OM003", "OM004")
    for other in (foreign, unapplied):
        with pytest.raises(psycopg.Error) as refused:
            await raw(db, order_no, other)
        assert refused.value.sqlstate == "OM004"


async def test_what_is_promised_leaves_no_room_for_another(db: DirectDatabase) -> None:
    order_no, capture = await order(db)
    await raw(db, order_no, capture, 7)
    with pytest.raises(psycopg.errors.CheckViolation):
        await raw(db, order_no, capture, 4)
    values = (order_no, "refund", "order", 4, "intent", secrets.token_hex(8), None, capture)
    assert await db.refused(PAYMENT, *values) == "23514"  # not even one that no refund stands for
    await raw(db, order_no, capture, 3)


async def test_a_part_is_paid_once_and_only_as_it_was_decided(db: DirectDatabase) -> None:
    order_no, capture = await order(db)
    refund_id = await raw(db, order_no, capture, 4)
    pay = (
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref, parent_id, refund_id) VALUES (%s, 'refund', 1, 'sandbox', %s, 'CNY', %s, gen_random_uuid(), "
        "gen_random_uuid(), %s, %s)"
    )
    assert await db.refused(pay, order_no, 3, "intent", capture, refund_id) == "OM004"
    assert await db.refused(pay, order_no, 4, "intent", capture, "rf_none") in ("OM004", "23503")
    assert await db.refused("UPDATE refunds SET status = 'succeeded' WHERE refund_id = %s", refund_id) == "OM003"
    await db.app.execute(pay.encode(), (order_no, 4, "succeeded", capture, refund_id))
    assert await db.refused(pay, order_no, 4, "intent", capture, refund_id) == "23505"
    await db.app.execute("UPDATE refunds SET status = 'succeeded' WHERE refund_id = %s", (refund_id,))
    totals = "SELECT refunded_minor, promised_minor FROM payment_totals WHERE payment_id = %s"
    assert await db.rows(totals, capture) == [(4, 0)]


@pytest.mark.parametrize(("to", "code"), [("awaiting_approval", "OM002"), ("refused", "OM002"), ("overtaken", "OM003")])
async def test_what_was_decided_stays_decided(db: DirectDatabase, to: str, code: str) -> None:
    """It yields to what the provider tells alone."""
    order_no, capture = await order(db)
    refund_id = await raw(db, order_no, capture)
    assert await db.refused("UPDATE refunds SET status = %s WHERE refund_id = %s", to, refund_id) == code


async def test_none_begins_on_an_order_that_is_being_undone(db: DirectDatabase) -> None:
    order_no, capture = await order(db)
    await db.app.execute("UPDATE orders SET cancelling = 'x' WHERE order_no = %s", (order_no,))
    with pytest.raises(psycopg.Error) as refused:
        await raw(db, order_no, capture)
    assert refused.value.sqlstate == "OM008"


async def test_one_that_waits_needs_its_own_approval(db: DirectDatabase, database: Database) -> None:
    order_no, _ = await order(db)
    approval = (
        "INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, wish_enc, asked_by, "
        "expires_at) VALUES (%s, %s, %s, 'refund', 1, %s, '', 'support:ann', now() + interval '1 day')"
    )
    whole = OPEN.replace("reason_enc)", "reason_enc, approval_id)").replace(
        "'support:ann', '')", "'support:ann', '', %s)"
    )
    for kind, amount in (("adjust", 4), ("refund", 5)):
        approval_id = f"apr_{secrets.token_hex(16)}"
        await db.app.execute(approval.encode(), (approval_id, kind, order_no, amount))
        values = (f"rf_{approval_id}", order_no, 4, 4, "CNY", "awaiting_approval", approval_id)
        assert await db.refused(whole, *values) == "OM003"


async def test_it_goes_back_to_the_newest_capture_first(db: DirectDatabase, database: Database) -> None:
    """An order that was changed after it was paid has several captures of its own."""
    await db.rows("DROP INDEX IF EXISTS payments_one_capture_of_order")
    order_no = await db.order(10, 10)
    older, newer = await db.paid_in(order_no, 6), await db.paid_in(order_no, 4)
    first = await opened(database, order_no, amount_minor=3)
    second = await opened(database, order_no, lines=(NewRefundLine(5, line_no=1),))
    assert first.plan.parts == ((newer, 3),)
    assert second.plan.parts == ((newer, 1), (older, 4))
    assert (first.refund_no, second.refund_no, second.plan.left_minor) == (1, 2, 2)
    with pytest.raises(Conflict):
        await opened(database, order_no, amount_minor=3)


async def test_what_nobody_decides_in_time_is_found_and_freed(db: DirectDatabase, database: Database) -> None:
    order_no, _ = await order(db)
    async with database.begin() as conn:
        waiting = text(
            "INSERT INTO approvals (approval_id, kind, order_no, action, orders, amount_minor, wish_enc, asked_by, "
            "expires_at) VALUES (:a, 'refund', :o, 'refund', 1, 4, '', 'support:ann', now())"
        )
        approval_id = f"apr_{secrets.token_hex(16)}"
        await conn.execute(waiting, {"a": approval_id, "o": order_no})
        plan = await refund_plans.planned(conn, ask(order_no, amount_minor=4))
        await refunds._insert(
            conn, ask(order_no, amount_minor=4), plan, RefundStatus.AWAITING_APPROVAL, approval_id, b""
        )
        assert await refund_plans.left_of(conn, order_no) == 6
    async with database.begin() as conn:
        assert order_no in await refunds.orders_with_lapsed(conn, 100)
    assert await lapse_refunds(database)() is False
    async with database.begin() as conn:
        assert await refund_plans.left_of(conn, order_no) == 10
        assert order_no not in await refunds.orders_with_lapsed(conn, 100)
    events = await db.rows("SELECT type, data ->> 'code' FROM order_events WHERE order_no = %s AND seq > 1", order_no)
    assert events == [("refund_rejected", "lapsed")]
