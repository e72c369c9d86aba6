"""A paid order that becomes more expensive: the difference is taken once, or nothing is changed and nothing is held."""

import asyncio
from datetime import datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from infra.db.orders.state.order_state import load_state
from tests.factories.holds import hold, release
from tests.factories.order_changes import ELSEWHERE, change, lines
from tests.factories.purchases import inconsistencies
from tests.integration.conftest import CHEAP, Office
from tests.integration.orders.test_changes import WHATEVER, let_go, paid_and_held, patched, sent_to, sums
from tests.integration.test_races import under_way
from tests.order_stage import eventually
from tests.workflows.orders.test_order import cancel
from tests.workflows.orders.test_order_recovery import reset
from tests.workflows.scenarios import delivered

THREE = lines(**{CHEAP: 3})


def paying_by(token: str = "tok_ok", **more: Any) -> dict[str, Any]:
    return THREE | {"payment": {"method": "sandbox", "token": token}} | more


def taken(office: Office, order_no: str) -> list[tuple[str, int]]:
    """What the provider did, in its order."""
    items = office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    return [(item["kind"], item["amount_minor"]) for item in items if item["status"] == "succeeded"]


def captures(office: Office, order_no: str) -> list[int]:
    return [amount for kind, amount in taken(office, order_no) if kind == "capture"]


def retained_minor(office: Office, order_no: str) -> int:
    sign = {"capture": 1, "refund": -1}
    return sum(sign.get(kind, 0) * amount for kind, amount in taken(office, order_no))


async def until_event(office: Office, order_no: str, kind: str) -> None:
    async def there() -> bool:
        return kind in await office.stage.events(order_no)

    await eventually(there)


async def order_detail(office: Office, order_no: str) -> dict[str, Any]:
    return dict((await office.staff("ann").get(f"/v1/orders/{order_no}")).json())


async def is_as_it_was(office: Office, order_no: str, code: str) -> None:
    """One unit for one price, nothing held beside it, with the reason."""
    await until_event(office, order_no, "change_undone")
    assert await sums(office, order_no) == {"total_minor": 2_000, "lines": 2_000, "wanted": 1, "held": 1, "moved": 1}
    (row,) = await office.stage.sql(
        "SELECT data FROM order_events WHERE order_no = :o AND type = 'change_undone'", o=order_no
    )
    assert row.data["code"] == code
    assert "order_changed" not in await office.stage.events(order_no)


async def is_more_expensive(office: Office, order_no: str) -> None:
    """Three units, paid once."""
    await until_event(office, order_no, "order_changed")
    assert await sums(office, order_no) == {"total_minor": 6_000, "lines": 6_000, "wanted": 3, "held": 3, "moved": 3}
    assert captures(office, order_no) == [2_000, 4_000]


async def ledger_is_consistent(office: Office) -> None:
    assert not await inconsistencies(office)


async def test_one_unit_becomes_three_and_three_are_sent(office: Office) -> None:
    order_no = await paid_and_held(office)
    refused = await patched(office, order_no, THREE)
    assert (refused.status_code, refused.json()["code"]) == (409, "pay_difference_needed")
    assert "`payment`" in refused.json()["detail"]
    previewed = await change(office.staff("ann"), order_no, paying_by(), tag=WHATEVER, preview=True)
    answer = await patched(office, order_no, paying_by(ship_to=ELSEWHERE, note="gate"))
    assert answer.status_code == 200, answer.text
    for body in (previewed.json(), answer.json()):
        assert (body["state"], body["to_pay_minor"], body["refund_minor"]) == ("awaiting_payment", 4_000, 0)
    await is_more_expensive(office, order_no)
    now = await order_detail(office, order_no)
    assert (now["ship_to"]["line1"], now["note"], now["pending_change"]) == (ELSEWHERE["line1"], "gate", None)
    await let_go(office, order_no)
    assert (await sent_to(office, order_no, 3))[-1] == ("booked", "new")
    await delivered(office.stage, order_no)
    (row,) = await office.stage.sql("SELECT quantity FROM stock_movements WHERE order_no = :o AND kind = 'ship'",
                                    o=order_no)  # fmt: skip
    assert row.quantity == 3
    assert captures(office, order_no) == [2_000, 4_000]
    events = await office.stage.events(order_no)
    assert events.index("change_awaits_payment") < events.index("supplement_captured") < events.index("order_changed")
    invoice = await office.staff("ann").post(f"/v1/orders/{order_no}/invoice", {})
    assert (invoice.status_code, invoice.json()["total_minor"]) == (201, 6_000), invoice.text


async def test_a_story_that_is_reset_or_lost_in_between_takes_it_once(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "slow", 1, order_no=order_no, kind="capture")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await under_way(office, "payments", order_no, purpose="supplement", kind="capture", status="intent")
    await reset(office.stage, order_no)
    await is_more_expensive(office, order_no)
    # What the story of the first reset still had to do may be done by then: how many tasks it took is not known.
    await reset(office.stage, order_no, -1)
    await let_go(office, order_no)
    await is_more_expensive(office, order_no)


async def test_a_refund_draws_on_both_payments(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await office.staff("ann").post(f"/v1/orders/{order_no}/invoice", {})).status_code == 201
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await is_more_expensive(office, order_no)
    listed = (await office.staff("ann").get(f"/v1/orders/{order_no}/documents")).json()["items"]
    assert [one["total_minor"] for one in listed] == [2_000, 4_000]
    back = await office.staff("ann").post(
        f"/v1/orders/{order_no}/refunds", {"amount_minor": 5_000, "reason": "goodwill"}
    )
    assert back.status_code == 201, back.text
    await eventually(lambda: retained_minor(office, order_no) == 1_000)
    await cancel(office.stage, order_no)
    await office.stage.reaches(order_no, "cancelled")
    assert retained_minor(office, order_no) == 0


async def test_a_declined_difference_leaves_everything_as_it_was(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, paying_by("tok_decline", ship_to=ELSEWHERE))).status_code == 200
    await is_as_it_was(office, order_no, "declined")
    assert "payment_declined" not in await office.stage.events(order_no)
    assert captures(office, order_no) == [2_000]
    # Another means of payment may be better.
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await is_more_expensive(office, order_no)


async def test_a_difference_whose_answer_was_lost_is_taken_once(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await is_more_expensive(office, order_no)
    assert taken(office, order_no).count(("authorise", 4_000)) == 1


async def test_while_it_is_open_nothing_else_is_changed_and_nothing_booked(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, paying_by("tok_pending"))).status_code == 200
    await under_way(office, "payments", order_no, purpose="supplement", status="pending")
    assert (await sums(office, order_no))["held"] == 3
    for body in (THREE, {"note": "x"}, {"ship_to": ELSEWHERE}):
        answer = await patched(office, order_no, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "change_in_progress")
    now = await order_detail(office, order_no)
    assert now["pending_change"]["to_pay_minor"] == 4_000
    assert not [action for action in now["allowed_actions"] if action.startswith("change_")]
    await office.stage.sql("UPDATE holds SET closed_at = now(), closed_by = 'x', outcome = 'released' WHERE order_no = :o", o=order_no)  # noqa: E501  # fmt: skip
    assert (await order_detail(office, order_no))["waiting_for"]["what"] == "payment"
    booking = """INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, address_rev)
                 SELECT order_no || '-S9', order_no, 'WH-EAST', 'sandbox', 'booking', order_no || '/9', address_rev
                   FROM orders WHERE order_no = :o RETURNING 1"""
    assert await office.stage.sql(booking, o=order_no) == []
    await ends(office, order_no)
    await is_as_it_was(office, order_no, "payment_expired")
    await office.stage.reaches(order_no, "preparing")
    assert retained_minor(office, order_no) == 2_000


async def ends(office: Office, order_no: str) -> None:
    """Its time is over, and somebody looks."""
    await office.stage.sql("ALTER TABLE change_payments DISABLE TRIGGER change_payment_guard")
    await office.stage.sql("UPDATE change_payments SET until = now() WHERE order_no = :o", o=order_no)
    await office.stage.sql("ALTER TABLE change_payments ENABLE TRIGGER change_payment_guard")
    await office.stage.handle(order_no).signal("after_sales")


async def test_a_cancelled_order_gives_all_of_it_back_once(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "slow", 1, order_no=order_no, kind="capture")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await under_way(office, "payments", order_no, purpose="supplement", kind="capture", status="intent")
    await cancel(office.stage, order_no)
    await office.stage.reaches(order_no, "cancelled")
    assert retained_minor(office, order_no) == 0
    assert (await sums(office, order_no))["moved"] == 0
    await ledger_is_consistent(office)


async def test_a_payment_that_is_found_after_its_time_goes_back(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    office.stage.fault("payments", "error", 4, order_no=order_no, kind="lookup")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await office.stage.parked(order_no)
    assert captures(office, order_no) == [2_000, 4_000], "nobody heard of it"
    await ends(office, order_no)
    await is_as_it_was(office, order_no, "payment_expired")
    await eventually(lambda: ("refund", 4_000) in taken(office, order_no))
    assert retained_minor(office, order_no) == 2_000
    await let_go(office, order_no)
    await ledger_is_consistent(office)


async def test_support_undoes_a_change_that_is_stuck(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    office.stage.fault("payments", "error", 5, order_no=order_no, kind="lookup")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await office.stage.parked(order_no)
    (row,) = await office.stage.sql("SELECT step FROM parked_steps WHERE order_no = :o AND resolved_at IS NULL",
                                    o=order_no)  # fmt: skip
    assert row.step == "supplement"
    answer = await office.staff("ann").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "compensate", "reason": "stuck"}
    )
    assert answer.status_code in (200, 202), answer.text
    await is_as_it_was(office, order_no, "undone_by_support")
    await eventually(lambda: retained_minor(office, order_no) == 2_000 and ("refund", 4_000) in taken(office, order_no))
    assert (await order_detail(office, order_no))["status"] == "paid"
    await let_go(office, order_no)
    assert (await sent_to(office, order_no))[-1] == ("booked", "old")
    await ledger_is_consistent(office)


async def test_a_refund_says_nothing_about_a_difference_that_is_stuck(office: Office) -> None:
    """It is paid beside it; the difference waits for the person who decides on it."""
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    office.stage.fault("payments", "error", 4, order_no=order_no, kind="lookup")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await office.stage.parked(order_no)
    ann = office.staff("ann")
    back = await ann.post(f"/v1/orders/{order_no}/refunds", {"amount_minor": 500, "reason": "late"})
    assert back.status_code == 201, back.text
    await eventually(lambda: ("refund", 500) in taken(office, order_no))
    action = {"action": "retry", "reason": "the provider is back", "park_no": 1}
    answer = await ann.post(f"/v1/support/orders/{order_no}/resolve", action)
    assert (answer.status_code, answer.json().get("outcome")) == (200, "retry"), answer.text
    await until_event(office, order_no, "order_changed")
    assert captures(office, order_no) == [2_000, 4_000] and retained_minor(office, order_no) == 5_500
    rows = await office.stage.sql(
        "SELECT data FROM order_events WHERE order_no = :o AND type = 'step_resolved'", o=order_no
    )
    assert [row.data["how"] for row in rows] == ["retry"]
    await each_state_is_reported(office, order_no)
    await let_go(office, order_no)
    await ledger_is_consistent(office)


@pytest.mark.parametrize("reported_of", ["cancellation", "capture"])
async def test_a_stuck_difference_is_over_when_it_is_decided(office: Office, reported_of: str) -> None:
    """Nobody is needed then: the order was cancelled, or the provider reported the outcome."""
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="capture")
    office.stage.fault("payments", "error", 4, order_no=order_no, kind="lookup")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await office.stage.parked(order_no)
    if reported_of == "cancellation":
        await cancel(office.stage, order_no)
        await office.stage.reaches(order_no, "cancelled")
        assert retained_minor(office, order_no) == 0
    else:
        (row,) = await office.stage.sql(
            "SELECT idempotency_key FROM payments WHERE order_no = :o AND purpose = 'supplement' AND kind = 'capture'",
            o=order_no,
        )
        fact = {"provider_ref": f"told-{order_no}", "idempotency_key": row.idempotency_key, "kind": "capture"}
        amount = {"status": "succeeded", "amount_minor": 4_000, "currency": "CNY"}
        await office.stage.inbox("payment", order_no, {"error_code": None, "parent_ref": None} | fact | amount)
        await until_event(office, order_no, "order_changed")
    await until_event(office, order_no, "step_resolved")
    (row,) = await office.stage.sql(
        "SELECT data FROM order_events WHERE order_no = :o AND type = 'step_resolved'", o=order_no
    )
    assert row.data["how"] == "overtaken"


LATER, OVER, DUE = "2100-01-01T00:00:00+00:00", (True, ""), (False, "")
# What became of the difference, its payment, and whether the step that is stuck at it is over, and on its own when.
STATES: list[tuple[str, str | None, tuple[bool, str]]] = [
    ("awaiting_payment", None, (False, LATER)),
    ("awaiting_payment", "intent", (False, LATER)),
    ("awaiting_payment", "pending", (False, LATER)),
    ("awaiting_payment", "failed", (False, LATER)),
    ("undone", None, OVER),
    ("undone", "failed", OVER),
    ("undone", "succeeded", OVER),
    ("undone", "intent", DUE),
    ("undone", "pending", DUE),
    ("applied", "succeeded", OVER),
]


async def each_state_is_reported(office: Office, order_no: str) -> None:
    """In a transaction that is taken back, without triggers; whatever else is due of the order."""
    async with office.stage.owner.begin() as conn:
        await conn.execute(text("SET LOCAL session_replication_role = replica"))
        again = "UPDATE parked_steps SET resolved_at = NULL WHERE order_no = :o AND park_no = 1"
        await conn.execute(text(again), {"o": order_no})
        for refund in ("succeeded", "approved"):
            await conn.execute(text("UPDATE refunds SET status = :s WHERE order_no = :o"), {"s": refund, "o": order_no})
            for status, payment, expected in STATES:
                values = {"o": order_no, "s": status, "code": "declined" if status == "undone" else None}
                await conn.execute(text(_STATE), values | {"until": datetime.fromisoformat(LATER)})
                await conn.execute(text(_PAYMENT), {"o": order_no, "p": payment, "s": payment or "failed"})
                park = (await load_state(conn, order_no)).park
                until = park.until.isoformat() if park is not None and park.until else ""
                assert park is not None and (park.over, until) == expected, (refund, status, payment)
        await conn.rollback()


_STATE = "UPDATE change_payments SET status = :s, code = :code, until = :until WHERE order_no = :o"
# One of another change is no payment of the difference.
_PAYMENT = """
    UPDATE payments SET status = :s, change_payment_no = CASE WHEN CAST(:p AS text) IS NULL THEN 99 ELSE 1 END
     WHERE order_no = :o AND purpose = 'supplement' AND kind = 'capture'
"""


async def test_a_stuck_booking_waits_for_the_difference_and_is_tried_again(office: Office) -> None:
    order_no = await office.parked(CHEAP)
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await office.stage.reaches(order_no, "preparing")
    await is_more_expensive(office, order_no)
    assert (await sent_to(office, order_no, 3))[-1] == ("booked", "old")


@pytest.mark.parametrize("kind", ["manual", "payment", "risk"])
async def test_what_keeps_an_order_from_being_paid_keeps_its_difference_from_being_taken(
    office: Office, kind: str
) -> None:
    order_no = await paid_and_held(office)
    hold_no = await hold(office.stage, order_no, kind)
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await release(office.stage, order_no, 1)
    assert captures(office, order_no) == [2_000]
    await release(office.stage, order_no, hold_no)
    await is_more_expensive(office, order_no)
    await office.stage.reaches(order_no, "preparing", 60)
    events = await office.stage.events(order_no)
    assert events.index("hold_released") < len(events) - 1 - events[::-1].index("hold_released")
    assert len(events) - 1 - events[::-1].index("hold_released") < events.index("supplement_captured")
    attempts = await office.stage.sql(
        "SELECT p.created_at > h.closed_at AS after FROM payments p JOIN holds h USING (order_no) "
        "WHERE p.order_no = :o AND p.purpose = 'supplement' AND h.hold_no = :n",
        o=order_no, n=hold_no,
    )  # fmt: skip
    assert [row.after for row in attempts] == [True, True]


async def test_a_hold_in_the_middle_of_taking_a_difference_loses_nothing(office: Office) -> None:
    order_no = await paid_and_held(office)
    office.stage.fault("payments", "timeout_after", 1, order_no=order_no, kind="authorise")
    assert (await patched(office, order_no, paying_by())).status_code == 200
    await under_way(office, "payments", order_no, purpose="supplement", kind="authorise", status="intent")
    hold_no = await hold(office.stage, order_no, "manual")
    await release(office.stage, order_no, 1)
    await release(office.stage, order_no, hold_no)
    await is_more_expensive(office, order_no)
    await office.stage.reaches(order_no, "preparing", 60)
    assert captures(office, order_no) == [2_000, 4_000]


async def test_what_is_not_there_is_refused_at_once(office: Office) -> None:
    order_no = await paid_and_held(office)
    body = lines(**{CHEAP: 5_000}) | {"payment": {"method": "sandbox", "token": "tok_ok"}}
    answer = await patched(office, order_no, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "stock_short")
    assert (await sums(office, order_no))["held"] == 1
    assert (await order_detail(office, order_no))["pending_change"] is None


async def test_changed_and_cancelled_at_once(office: Office) -> None:
    async def one() -> str:
        order_no = await paid_and_held(office)
        answers: list[Any] = await asyncio.gather(
            patched(office, order_no, paying_by()), cancel(office.stage, order_no), return_exceptions=True
        )
        assert isinstance(answers[0], httpx.Response) and answers[0].status_code in (200, 409), answers
        return order_no

    for order_no in await asyncio.gather(*(one() for _ in range(5))):
        await office.stage.reaches(order_no, "cancelled")
        assert retained_minor(office, order_no) == 0
        assert (await sums(office, order_no))["moved"] == 0
    await ledger_is_consistent(office)
