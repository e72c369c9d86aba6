"""Orders whose payment is captured as they ship: each fulfilment's share when its parcel has left, once, never more."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from psycopg import sql
from sqlalchemy.exc import IntegrityError
from temporalio.client import WorkflowUpdateFailedError

from domain.errors import Conflict
from domain.orders.backorder_choices import BackorderChoice
from domain.payments.refunds import Origin
from domain.payments.unapplied import to_return
from infra.db.after_sales import delivery_exceptions
from infra.db.orders.state import timeline
from infra.db.orders.state.state_facts import load_facts
from infra.db.payments import refund_plans
from infra.db.payments.refund_plans import NewRefund, NewRefundLine
from infra.stack.postgres.postgres_server import APP, SUPERUSER, PostgresServer
from infra.stack.temporal.temporal_server import TemporalServer
from tests.conftest import DatabaseUrls, as_owner, create_database
from tests.order_stage import Stage, eventually, staged
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import resolved
from tests.workflows.split_orders import booked, decide, part_says, partly, second_warehouse, stock_south


@pytest.fixture(scope="module")
async def shipping(
    postgres: PostgresServer, database_template: str, temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """A stage on which payments are captured by shipment."""
    await create_database(postgres, "by_shipment", database_template)
    urls = DatabaseUrls(postgres.url(SUPERUSER, "by_shipment"), postgres.url(APP, "by_shipment"))
    folder = tmp_path_factory.mktemp("by_shipment")
    async with staged(urls, temporal.address, folder, capture="shipment") as opened:
        await opened.stock("TEA", 1000)
        await second_warehouse(opened)
        yield opened
    await as_owner(postgres, sql.SQL("DROP DATABASE by_shipment WITH (FORCE)").format())


async def split_order(stage: Stage) -> str:
    """Three pieces at 9.99: two are in one warehouse, one is in the other."""
    sku = f"APART-{secrets.token_hex(4)}"
    await stage.stock(sku, 2, price_minor=999)
    await stock_south(stage, sku, 1)
    order_no = await stage.place(sku, 3)
    await booked(stage, order_no, 1)
    await booked(stage, order_no, 2)
    return order_no


async def captured(stage: Stage, order_no: str, number: int) -> None:
    """Wait until the share of the fulfilment is captured."""
    statement = "SELECT 1 FROM payments WHERE order_no = :o AND fulfilment_no = :n AND status = 'succeeded'"
    await eventually(lambda: stage.sql(statement, o=order_no, n=number))


def money(stage: Stage, order_no: str) -> list[tuple[str, str, int]]:
    """What the provider believes: (kind, status, amount), oldest first."""
    items = stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    return [(item["kind"], item["status"], item["amount_minor"]) for item in items]


async def shares(stage: Stage, order_no: str) -> dict[int, int]:
    """What is captured with each fulfilment, as the database has it."""
    rows = await stage.sql(
        "SELECT fulfilment_no, sum(amount_minor)::bigint FROM payments WHERE order_no = :o AND kind = 'capture'"
        " AND status = 'succeeded' GROUP BY 1",
        o=order_no,
    )
    return {row[0]: row[1] for row in rows}


async def test_each_part_is_captured_when_it_ships_and_all_add_up_to_the_total(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    assert money(shipping, order_no) == [("authorise", "succeeded", 2997)]
    rows = await shipping.sql("SELECT number, quantity FROM fulfilment_lines WHERE order_no = :o", o=order_no)
    units = {row.number: row.quantity for row in rows}
    await part_says(shipping, order_no, 2, "picked_up")
    await captured(shipping, order_no, 2)
    assert await shares(shipping, order_no) == {2: 999 * units[2]}
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "delivered")
    await part_says(shipping, order_no, 2, "delivered")
    await shipping.reaches(order_no, "completed")
    assert await shares(shipping, order_no) == {number: 999 * count for number, count in units.items()}
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture", "capture"]


async def test_what_is_cancelled_before_it_is_there_is_never_captured(shipping: Stage) -> None:
    """The parcel that left is captured; for the rest, whose stock never comes, there is nothing to refund."""
    order_no, _ = await partly(shipping)
    await booked(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await decide(shipping, order_no, BackorderChoice.CANCEL)
    await part_says(shipping, order_no, 1, "delivered")
    await shipping.reaches(order_no, "completed")
    assert list(await shares(shipping, order_no)) == [1]
    assert "refund" not in [kind for kind, _, _ in money(shipping, order_no)]
    assert not await shipping.sql("SELECT 1 FROM refunds WHERE order_no = :o", o=order_no)


async def test_an_order_with_one_part_is_captured_when_it_ships(shipping: Stage) -> None:
    order_no = await shipping.place("TEA", 2)
    await shipping.reaches(order_no, "preparing")
    assert shipping.payments(order_no) == [("authorise", "succeeded")]
    await shipping.carrier_says(order_no, "picked_up")
    await captured(shipping, order_no, 1)
    await shipping.carrier_says(order_no, "delivered")
    await shipping.reaches(order_no, "completed")
    assert money(shipping, order_no) == [("authorise", "succeeded", 2000), ("capture", "succeeded", 2000)]
    events = await shipping.events(order_no)
    assert "payment_captured" not in events
    assert events.count("part_captured") == 1


async def test_what_is_cancelled_before_it_ships_is_never_captured(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    await cancel(shipping, order_no)
    await shipping.reaches(order_no, "cancelled")
    assert money(shipping, order_no) == [("authorise", "succeeded", 2997), ("void", "succeeded", 2997)]


async def test_a_refused_cancellation_leaves_what_is_authorised_for_the_parts_to_come(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    with pytest.raises(WorkflowUpdateFailedError):
        await cancel(shipping, order_no)
    assert "cancel_refused" in await shipping.events(order_no)
    await part_says(shipping, order_no, 2, "picked_up")
    await captured(shipping, order_no, 2)
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture", "capture"]


async def test_a_lost_answer_is_asked_for_and_nothing_is_captured_twice(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    shipping.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture"]


async def test_a_refused_capture_waits_for_support_about_its_fulfilment(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    shipping.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await part_says(shipping, order_no, 1, "picked_up")
    parked = await shipping.parked(order_no)
    assert (parked.step, parked.subject, parked.error) == ("capture", f"{order_no}-F1", "rejected")
    assert "compensate" not in parked.options
    about = "SELECT amount_minor, amount_moved_by(order_no, step, 'skip', amount_minor) AS moved FROM parked_steps"
    (stake,) = await shipping.sql(f"{about} WHERE order_no = :o", o=order_no)
    assert (stake.amount_minor, stake.moved) == (1998, 1998)  # the share, not the order: approvals are about it
    await part_says(shipping, order_no, 2, "picked_up")
    await resolved(shipping, order_no, "retry")
    await captured(shipping, order_no, 1)
    await captured(shipping, order_no, 2)
    assert sum((await shares(shipping, order_no)).values()) == 2997
    refused = [status for kind, status, _ in money(shipping, order_no) if kind == "capture"]
    assert refused.count("failed") == 1


async def test_a_share_that_was_paid_otherwise_is_recorded_and_the_rest_is_released(shipping: Stage) -> None:
    order_no = await shipping.place("TEA", 2)
    await shipping.reaches(order_no, "preparing")
    shipping.fault("payments", "reject", 1, order_no=order_no, kind="capture")
    await shipping.carrier_says(order_no, "picked_up")
    await shipping.parked(order_no)
    await resolved(shipping, order_no, "skip", {"reference": "bank-1"})
    await eventually(lambda: ("void", "succeeded", 2000) in money(shipping, order_no))
    assert await shares(shipping, order_no) == {1: 2000}


async def choose_refund(stage: Stage, order_no: str) -> None:
    """Of the first parcel that is lost, the money of its goods goes back."""
    async with stage.database.begin() as conn:
        await timeline.lock_order(conn, order_no)
        problem = await delivery_exceptions.exception_of(conn, order_no)
        await delivery_exceptions.refund(conn, problem, "support:ann", stage.settings)


async def test_a_part_that_is_lost_after_its_capture_is_refunded_alone(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    await part_says(shipping, order_no, 2, "picked_up")
    await captured(shipping, order_no, 2)
    await part_says(shipping, order_no, 2, "lost")
    await shipping.parked(order_no)
    await choose_refund(shipping, order_no)
    await eventually(lambda: ("refund", "succeeded", 999) in money(shipping, order_no))
    await part_says(shipping, order_no, 1, "picked_up", "delivered")
    await shipping.reaches(order_no, "completed")
    assert await shares(shipping, order_no) == {1: 1998, 2: 999}


async def test_a_part_that_is_given_up_before_its_capture_is_never_captured(shipping: Stage) -> None:
    """Its pick-up was never reported: the next news is that it is lost. Its line is partly in the other part."""
    order_no = await split_order(shipping)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await part_says(shipping, order_no, 2, "lost")
    await shipping.parked(order_no)
    await choose_refund(shipping, order_no)
    await eventually(lambda: ("void", "succeeded", 999) in money(shipping, order_no))
    await part_says(shipping, order_no, 1, "delivered")
    await shipping.reaches(order_no, "completed")
    assert await shares(shipping, order_no) == {1: 1998}
    assert "refund" not in [kind for kind, _, _ in money(shipping, order_no)]


async def test_an_order_whose_lost_part_is_given_up_waits_for_the_rest(shipping: Stage) -> None:
    order_no, _ = await partly(shipping)
    await booked(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    await part_says(shipping, order_no, 1, "lost")
    await shipping.parked(order_no)
    await choose_refund(shipping, order_no)
    (waits,) = await shipping.sql("SELECT waiting ->> 'what' AS what FROM orders WHERE order_no = :o", o=order_no)
    assert waits.what == "backorder"


async def test_a_worker_that_dies_between_the_capture_and_its_record_captures_once(shipping: Stage) -> None:
    """As the process of a worker leaves it that is killed there: the provider has acted, the intent is open."""
    order_no = await split_order(shipping)
    shipping.fault("payments", "down", 1, order_no=order_no, kind="capture")
    await part_says(shipping, order_no, 1, "picked_up")
    statement = "SELECT idempotency_key, amount_minor FROM payments WHERE order_no = :o AND kind = 'capture'"
    (intent,) = await eventually(lambda: shipping.sql(statement, o=order_no))
    (authorised,) = shipping.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    shipping.sandbox.http.delete("/faults")
    body = {"order_no": order_no, "amount_minor": intent.amount_minor, "currency": "CNY"}
    body |= {"idempotency_key": intent.idempotency_key}
    assert shipping.sandbox.http.post(f"/payments/{authorised['id']}/capture", json=body).status_code == 200
    await captured(shipping, order_no, 1)
    assert [kind for kind, _, _ in money(shipping, order_no)] == ["authorise", "capture"]


async def test_units_that_have_not_shipped_are_not_refunded(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    wanted = NewRefund("rf_unshipped", order_no, Origin.SUPPORT, "support:ann", "", (NewRefundLine(3, 1),))
    async with shipping.database.begin() as conn:
        with pytest.raises(Conflict) as refused:
            await refund_plans.planned(conn, wanted)
        shipped = replace(wanted, lines=(NewRefundLine(2, 1),))
        assert (await refund_plans.planned(conn, shipped)).amount_minor == 1998
    assert refused.value.code == "refund_exceeds_captured"


async def returnable(stage: Stage, order_no: str) -> dict[bool, list[tuple[str, int]]]:
    """What is to be returned, everything or not: (kind, amount), as Python and the database agree."""
    found = {}
    for everything in (False, True):
        async with stage.database.begin() as conn:
            facts = await load_facts(conn, order_no)
        decided = to_return(facts.money, facts.transactions, everything=everything)
        rows = await stage.sql("SELECT kind, amount_minor FROM money_to_return(:o, :e)", o=order_no, e=everything)
        found[everything] = sorted((row.kind, row.amount_minor) for row in rows)
        assert found[everything] == sorted((one.kind, one.amount_minor) for one in decided)
    return found


async def test_what_waits_for_its_shipment_is_no_money_to_return(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    assert await returnable(shipping, order_no) == {False: [], True: [("void", 2997)]}
    await part_says(shipping, order_no, 1, "picked_up")
    await captured(shipping, order_no, 1)
    assert await returnable(shipping, order_no) == {False: [], True: [("refund", 1998), ("void", 999)]}


async def test_the_database_refuses_more_than_was_authorised(shipping: Stage) -> None:
    order_no = await split_order(shipping)
    (authorised,) = await shipping.sql(
        "SELECT payment_id FROM payments WHERE order_no = :o AND kind = 'authorise'", o=order_no
    )
    take = (
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,"
        " parent_id, fulfilment_no) VALUES (:o, 'capture', 1, 'sandbox', :amount, 'CNY', 'intent', :key, :parent, :n)"
    )
    about = {"o": order_no, "parent": authorised.payment_id}
    await shipping.sql(take, amount=2000, key=f"{order_no}/a", n=1, **about)
    with pytest.raises(IntegrityError, match="captures_within_authorisation"):
        await shipping.sql(take, amount=998, key=f"{order_no}/b", n=2, **about)
    with pytest.raises(IntegrityError, match="payments_one_capture_of_part"):
        await shipping.sql(take, amount=1, key=f"{order_no}/c", n=1, **about)
    await shipping.sql("UPDATE payments SET status = 'failed' WHERE idempotency_key = :key", key=f"{order_no}/a")
