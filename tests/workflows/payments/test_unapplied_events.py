"""What comes late or makes no sense: money moves once all the same, a fact that cannot be applied stops nothing."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import WorkflowUpdateFailedError

from activities.base import as_failure
from activities.orders.lifecycle import OrderActivities
from domain.alerts import Kind
from infra.db.alerts.order_rules import DETECTORS
from infra.db.checks.consistency_checks import CHECKS, run_checks
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls
from tests.factories.refunds import given_back, paid_out, refund
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from workflows import names
from workflows import payloads as m

PRICE_MINOR = 1000


@pytest.fixture(scope="module")
async def stage(
    database_url: DatabaseUrls, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("unapplied")
    async with staged(database_url, temporal.address, folder) as opened:
        await opened.stock("TEA", 1000, PRICE_MINOR)
        yield opened
        async with opened.owner.begin() as conn:
            for question in CHECKS:
                answer = await run_checks(conn, question)
                assert answer.count == 0, (question.code, answer.examples)


def provider_event(kind: str, ref: str, key: str | None = None, **changes: Any) -> dict[str, Any]:
    fact = {"provider_ref": ref, "kind": kind, "status": "succeeded", "amount_minor": PRICE_MINOR, "currency": "CNY"}
    return {**fact, "idempotency_key": key, "error_code": None, "parent_ref": None, **changes}


async def payments(stage: Stage, order_no: str) -> list[tuple[str, str, str]]:
    rows = await stage.sql(
        "SELECT kind, purpose, status FROM payments WHERE order_no = :o ORDER BY 1, 2, 3", o=order_no
    )
    return [tuple(row) for row in rows]


async def wait_until_applied(stage: Stage, order_no: str) -> list[tuple[str, str | None]]:
    """Wait until no fact of the order is open; (outcome, reason) of each."""

    async def all_heard() -> list[Any]:
        rows = await stage.sql("SELECT outcome, reason FROM inbox WHERE order_no = :o ORDER BY inbox_id", o=order_no)
        return rows if rows and all(row.outcome for row in rows) else []

    return [tuple(row) for row in await eventually(all_heard, 60)]


async def causes(stage: Stage, kind: Kind) -> list[dict[str, Any]]:
    async with stage.database.begin() as conn:
        return [{**found.facts, **found.detail} for found in await DETECTORS[kind](conn, stage.settings)]


async def pay(stage: Stage, order_no: str, token: str = "tok_ok") -> m.UpdateAnswer:
    request_id = secrets.token_hex(8)
    await stage.sql(
        "INSERT INTO payment_requests (request_id, order_no, method, token, actor) VALUES (:r, :o, 'sandbox', :t, 't')",
        r=request_id, o=order_no, t=token,
    )  # fmt: skip
    answer: m.UpdateAnswer = await stage.handle(order_no).execute_update(
        names.PAY, m.PayRequest(order_no, request_id), result_type=m.UpdateAnswer
    )
    return answer


async def retry(stage: Stage, order_no: str) -> None:
    request = m.ResolveRequest(order_no, await stage.resolution(order_no, "retry"), "retry")
    await stage.handle(order_no).execute_update(names.RESOLVE, request)


@asynccontextmanager
async def broken_database(stage: Stage, table: str, condition: str, sqlstate: str) -> AsyncIterator[None]:
    """The program wants what the database refuses: a rule that it does not know."""
    name = f"broken_{secrets.token_hex(4)}"
    await stage.sql(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF {condition} THEN RAISE EXCEPTION 'no' USING ERRCODE = '{sqlstate}'; END IF; RETURN NEW; END $$"
    )
    await stage.sql(f"GRANT EXECUTE ON FUNCTION {name} TO oms_app")
    await stage.sql(f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    try:
        yield
    finally:
        await stage.sql(f"DROP FUNCTION IF EXISTS {name} CASCADE")


async def test_a_late_success_of_a_dropped_capture_is_surplus_and_goes_back(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("payments", "reject", order_no=order_no, kind="capture")
    await pay(stage, order_no)
    await pay(stage, order_no)
    await stage.reaches(order_no, "preparing")
    # The provider took the first one's money after all.
    taken = {"order_no": order_no, "amount_minor": PRICE_MINOR, "currency": "CNY"}
    ref = stage.sandbox.http.post("/payments/pay", json=taken).json()["id"]
    await stage.inbox("payment", order_no, provider_event("capture", ref, f"{order_no}/capture/1"))
    await stage.inbox("payment", order_no, provider_event("capture", ref, f"{order_no}/capture/1"))
    assert await wait_until_applied(stage, order_no) == [("stray", None), ("known", None)]

    async def returned() -> bool:
        return ("refund", "stray", "succeeded") in await payments(stage, order_no)

    await eventually(returned, 60)
    mine = [row for row in await payments(stage, order_no) if row[0] in ("capture", "refund")]
    assert mine == [
        ("capture", "order", "succeeded"),
        ("capture", "stray", "succeeded"),
        ("refund", "stray", "succeeded"),
    ]
    # Nothing is in the way of the rest of its story.
    await stage.carrier_says(order_no, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")


async def parked_at_its_void(stage: Stage, mode: str, count: int) -> str:
    """An order that is being undone, and whose authorisation the provider does not give up."""
    order_no = await stage.place(token=None)
    stage.fault("payments", mode, count, order_no=order_no, kind="void")
    await stage.reaches(order_no, "pending_payment")
    await pay(stage, order_no, "tok_review")
    await stage.parked(order_no)
    await cancel(stage, order_no)
    return order_no


async def test_a_late_success_of_a_dropped_void_is_known_once_another_went_through(stage: Stage) -> None:
    order_no = await parked_at_its_void(stage, "reject", 1)
    assert (await stage.parked(order_no)).step == "return_payment"
    await retry(stage, order_no)
    await stage.reaches(order_no, "cancelled")
    [first] = await stage.sql(
        "SELECT idempotency_key AS key FROM payments WHERE order_no = :o AND kind = 'void' AND status = 'failed'",
        o=order_no,
    )
    await stage.inbox("payment", order_no, provider_event("void", "pay_late", first.key))
    assert await wait_until_applied(stage, order_no) == [("known", None)]
    assert [row for row in await payments(stage, order_no) if row[0] == "void"] == [
        ("void", "order", "failed"),
        ("void", "order", "succeeded"),
    ]


async def test_a_late_success_of_a_dropped_void_ends_the_one_under_way(stage: Stage) -> None:
    order_no = await parked_at_its_void(stage, "reject", 1)
    parked = await stage.parked(order_no)
    assert (parked.step, parked.error) == ("return_payment", "rejected")
    # A second void is under way, and gets no answer.
    await stage.sql(
        "INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, tries,"
        " idempotency_key, parent_id) SELECT order_no, kind, purpose, attempt, provider, amount_minor, currency,"
        " 'intent', 1, idempotency_key || '/again', parent_id FROM payments WHERE order_no = :o AND kind = 'void'",
        o=order_no,
    )
    [first] = await stage.sql(
        "SELECT idempotency_key AS key FROM payments WHERE order_no = :o AND kind = 'void' AND status = 'failed'",
        o=order_no,
    )
    await stage.inbox("payment", order_no, provider_event("void", "pay_late", first.key))
    await stage.reaches(order_no, "cancelled")
    assert await wait_until_applied(stage, order_no) == [("settled", None)]
    rows = await stage.sql(
        "SELECT status, error_code, provider_ref FROM payments WHERE order_no = :o AND kind = 'void' ORDER BY 1",
        o=order_no,
    )
    assert [tuple(row) for row in rows] == [("failed", "overtaken_at_provider", None), ("succeeded", None, "pay_late")]


@pytest.mark.parametrize(
    ("fact", "reason"),
    [
        (provider_event("capture", "pay_0", amount_minor=-5), "bug_23514:payments_amount_minor_check"),
        (provider_event("capture", "pay_1", currency="EURO"), "bug_22001"),
        ({"kind": "tip", "status": "succeeded", "provider_ref": "pay_2", "amount_minor": 1}, "malformed"),
        ({}, "malformed"),
    ],
)
async def test_a_fact_that_cannot_be_applied_is_kept_with_its_reason_and_the_others_are_applied(
    stage: Stage, fact: dict[str, Any], reason: str
) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    await stage.inbox("payment", order_no, fact)
    await stage.carrier_says(order_no, "picked_up", "delivered")
    await stage.reaches(order_no, "completed")
    assert (await wait_until_applied(stage, order_no))[0] == ("unapplied", reason)
    [cause] = await causes(stage, Kind.FACTS_UNAPPLIED)
    assert (cause["provider"], cause["told"]) == ("sandbox", "payment")
    assert reason in cause["reasons"]
    assert fact.get("provider_ref", "pay_x") not in str(cause)


async def test_a_step_that_fails_by_a_fault_of_the_program_parks_and_names_it(stage: Stage) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    async with broken_database(stage, "shipments", f"NEW.order_no = '{order_no}' AND NEW.status = 'booked'", "23514"):
        await pay(stage, order_no)
        parked = await stage.parked(order_no, 60)
        assert (parked.step, parked.error) == ("book", "bug_23514")
    await retry(stage, order_no)
    await stage.reaches(order_no, "preparing")
    assert stage.parcels(order_no) == ["booked"]


@pytest.mark.parametrize(("rows", "code"), [("false", "bug_02000"), ("true", "bug_21000")])
async def test_a_row_that_is_missing_or_there_twice_is_a_fault_of_the_program_and_no_busy_database(
    stage: Stage, rows: str, code: str
) -> None:
    async with stage.database.begin() as conn:
        found = await conn.execute(text(f"SELECT n FROM generate_series(1, 2) n WHERE {rows}"))
        with pytest.raises(SQLAlchemyError) as error:
            found.one()
    assert as_failure(error.value).type == code


async def test_a_step_of_the_database_that_fails_by_a_fault_of_the_program_is_shown_until_it_is_corrected(
    stage: Stage,
) -> None:
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    condition = f"NEW.order_no = '{order_no}' AND NEW.type = 'return_window_closed'"
    async with broken_database(stage, "order_events", condition, "OM999"):
        await stage.carrier_says(order_no, "picked_up", "delivered")

        async def body() -> list[Any]:
            return await stage.sql("SELECT * FROM retrying_steps WHERE order_no = :o", o=order_no)

        [row] = await eventually(body, 60)
        assert (row.activity, row.error, row.max_attempts) == ("complete_order", "bug_OM999", 0)
        assert {"activity": "complete_order", "error": "bug_OM999"} in await causes(stage, Kind.PROGRAM_FAULT)
    await stage.reaches(order_no, "completed", 60)
    assert await body() == []


async def capturing(stage: Stage, order_no: str) -> Any:
    """Wait until the provider has taken the capture and decides later; its row."""

    async def requested() -> list[Any]:
        return await stage.sql(
            "SELECT * FROM payments WHERE order_no = :o AND kind = 'capture' AND status = 'pending'", o=order_no
        )

    return (await eventually(requested, 60))[0]


async def test_a_capture_that_its_provider_decides_later_is_waited_for_and_not_asked_for_in_a_loop(
    stage: Stage,
) -> None:
    order_no = await stage.place(token=None)
    await stage.reaches(order_no, "pending_payment")
    stage.fault("payments", "pending", order_no=order_no, kind="capture")
    answer = await pay(stage, order_no)
    assert answer.outcome == "pending"
    row = await capturing(stage, order_no)
    # Another payment is refused, and the deadline does not cancel what is being paid.
    with pytest.raises(WorkflowUpdateFailedError):
        await pay(stage, order_no)
    activities = OrderActivities(stage.database, stage.settings)
    view = await activities.expire_payment(m.OrderRef(order_no))
    assert (view.status, view.cancelling, view.attempt_state) == ("pending_payment", "", "capturing")
    # It was asked once, and its next question is a timer away: nothing else is under way.
    assert row.tries == 1
    assert stage.payments(order_no) == [("authorise", "succeeded"), ("capture", "pending")]
    stage.sandbox.http.post(f"/payments/{row.provider_ref}/decide", json={"status": "succeeded"})
    await stage.inbox("payment", order_no, provider_event("capture", row.provider_ref, row.idempotency_key))
    await stage.reaches(order_no, "preparing")
    assert (await stage.events(order_no)).count("payment_captured") == 1


async def test_books_restored_from_a_backup_do_not_pay_a_refund_again(stage: Stage) -> None:
    """What was decided and paid after the backup is gone from them: decided again, it is the same at the provider."""
    order_no = await stage.place()
    await stage.reaches(order_no, "preparing")
    first = await refund(stage, order_no, amount_minor=300)
    await paid_out(stage, first)
    async with stage.owner.begin() as conn:
        await conn.execute(text("SET LOCAL session_replication_role = replica"))  # the past is not rewritten otherwise
        for forgotten in _SINCE_THE_BACKUP:
            await conn.execute(text(forgotten), {"o": order_no, "r": first.refund_id})
    again = await refund(stage, order_no, amount_minor=300)
    assert again.refund_id != first.refund_id
    await paid_out(stage, again)
    assert given_back(stage, order_no) == [300]
    # Another one is another one.
    await paid_out(stage, await refund(stage, order_no, amount_minor=300))
    assert given_back(stage, order_no) == [300, 300]


_SINCE_THE_BACKUP = (
    "DELETE FROM payment_ledger USING payments p WHERE p.payment_id = payment_ledger.payment_id AND p.refund_id = :r"
    " AND payment_ledger.order_no = :o",
    "DELETE FROM payments WHERE refund_id = :r AND order_no = :o",
    "DELETE FROM refund_allocations WHERE refund_id = :r",
    "DELETE FROM refund_lines WHERE refund_id = :r",
    "DELETE FROM refunds WHERE refund_id = :r AND order_no = :o",
    "UPDATE payment_totals SET refunded_minor = 0 WHERE payment_id IN (SELECT payment_id FROM payments"
    " WHERE order_no = :o)",
    "UPDATE order_lines SET refunded_minor = 0, refunded_shipping_minor = 0, refunded_quantity = 0 WHERE order_no = :o",
)
