"""Notifications of the payment gateway and the carrier: twice, late, in any order, each counted once."""

import asyncio
import json
import secrets
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.faults.driver import basket, cancel, pay, place, stocked
from tests.faults.stackrun import StackRun, until
from tests.faults.verdict import verify

pytestmark = pytest.mark.faults

PRICE_MINOR = 1000


async def notify(stack: StackRun, event: str, data: dict[str, Any], webhook_id: str | None = None) -> httpx.Response:
    """A notification as the sandbox would sign it."""
    secret = json.loads((stack.data_dir / "secrets.json").read_text())["sandbox_webhook_secret"]
    identity, now = webhook_id or f"msg_{secrets.token_hex(8)}", datetime.now(UTC)
    body = json.dumps({"type": event, "data": data})
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(identity, now, body),
    }
    async with stack.client() as http:
        response = await http.post("/v1/webhooks/sandbox", content=body, headers=headers)
    assert response.status_code == 200, response.text
    return response


async def unpaid(stack: StackRun) -> str:
    order_no = await place(stack, basket(await stocked(stack, 10, PRICE_MINOR), token=None))
    await stack.reaches(order_no, "pending_payment")
    return order_no


async def paid_at_the_provider(stack: StackRun, order_no: str, amount_minor: int = PRICE_MINOR) -> dict[str, Any]:
    """The customer pays directly: the provider's transaction."""
    body = {"order_no": order_no, "amount_minor": amount_minor, "currency": "CNY", "reference": secrets.token_hex(6)}
    made: dict[str, Any] = await stack.sandbox("POST", "/payments/pay", json=body)
    return made


def payment_notification(payment: dict[str, Any]) -> dict[str, Any]:
    names = (
        "id",
        "order_no",
        "kind",
        "amount_minor",
        "currency",
        "status",
        "idempotency_key",
        "error_code",
        "parent_id",
    )
    return {name: payment.get(name) for name in names}


def parcel_facts(parcel: dict[str, Any], *statuses: str) -> list[dict[str, Any]]:
    return [
        {
            "id": parcel["id"],
            "order_no": parcel["order_no"],
            "status": status,
            "tracking_no": parcel["tracking_no"],
            "occurred_at": datetime.now(UTC).isoformat(),
            "sequence": number,
        }
        for number, status in enumerate(statuses, 1)
    ]


async def test_a_payment_is_reported_many_times(still: StackRun) -> None:
    order_no = await unpaid(still)
    await still.fault("payments", "duplicate_webhook", 1, order_no=order_no)
    payment = await paid_at_the_provider(still, order_no)
    same = [notify(still, "payment.updated", payment_notification(payment), "msg_" + order_no) for _ in range(5)]
    others = [notify(still, "payment.updated", payment_notification(payment)) for _ in range(5)]
    await asyncio.gather(*same, *others)
    await still.reaches(order_no, "preparing")
    assert (await still.events(order_no)).count("payment_captured") == 1
    rows = await still.sql("SELECT 1 FROM payment_ledger WHERE order_no = %(o)s", o=order_no)
    assert len(rows) == 1
    assert (await cancel(still, order_no)).status_code == 200
    await verify(still, [order_no])


async def test_the_decision_on_a_payment_is_reported_twice_and_contradicted(still: StackRun) -> None:
    """What has succeeded does not fail any more."""
    order_no = await unpaid(still)
    await still.fault("payments", "duplicate_webhook", 1, order_no=order_no)
    await pay(still, order_no, "tok_pending")
    await still.reaches(order_no, "preparing")
    payment = (await still.items("/payments", order_no=order_no))[0]
    await notify(still, "payment.updated", payment_notification(payment))
    await notify(
        still, "payment.updated", {**payment_notification(payment), "status": "failed", "error_code": "declined"}
    )
    await notify(still, "payment.updated", {**payment_notification(payment), "status": "pending"})
    assert (await cancel(still, order_no)).status_code == 200
    await verify(still, [order_no])
    assert (await still.events(order_no)).count("payment_authorised") == 1


async def test_a_payment_that_comes_after_the_cancellation_goes_back(still: StackRun) -> None:
    order_no = await unpaid(still)
    assert (await cancel(still, order_no)).status_code == 200
    await still.reaches(order_no, "cancelled")
    await paid_at_the_provider(still, order_no)
    await returned(still, order_no, times=1)
    await verify(still, [order_no])
    assert (await still.order(order_no))["status"] == "cancelled"


async def test_a_second_and_a_wrong_payment_go_back(still: StackRun) -> None:
    order_no = await unpaid(still)
    await asyncio.gather(*(paid_at_the_provider(still, order_no) for _ in range(2)))
    await paid_at_the_provider(still, order_no, amount_minor=7)
    await returned(still, order_no, times=2)
    await still.reaches(order_no, "preparing")
    await advance_by_facts(still, order_no, "delivered")
    await still.reaches(order_no, "completed")
    refunds = [item for item in await still.items("/payments", order_no=order_no) if item["kind"] == "refund"]
    assert sorted(item["amount_minor"] for item in refunds) == [7, PRICE_MINOR]


async def returned(stack: StackRun, order_no: str, times: int) -> None:
    async def refunded() -> bool:
        items = await stack.items("/payments", order_no=order_no)
        return [item["kind"] for item in items if item["status"] == "succeeded"].count("refund") >= times

    await until(refunded, f"{order_no}: {times} refunds")


async def advance_by_facts(stack: StackRun, order_no: str, *statuses: str) -> None:
    parcel = next(item for item in await stack.items("/shipments", order_no=order_no) if item["status"] != "cancelled")
    for fact in parcel_facts(parcel, *statuses):
        await notify(stack, "shipment.updated", fact)


@pytest.mark.parametrize(
    "statuses",
    [
        ("delivered", "in_transit", "picked_up"),
        ("picked_up", "picked_up", "delivered", "delivered"),
        ("in_transit", "picked_up", "delivered", "picked_up", "in_transit"),
    ],
    ids=" ".join,
)
async def test_a_parcel_is_reported_in_any_order(still: StackRun, statuses: tuple[str, ...]) -> None:
    order_no = await unpaid(still)
    await pay(still, order_no)
    await still.reaches(order_no, "preparing")
    await advance_by_facts(still, order_no, *statuses)
    await still.reaches(order_no, "completed")
    once = await still.events(order_no)
    # Late facts after the end: heard, and nothing moves.
    await advance_by_facts(still, order_no, *statuses)
    await verify(still, [order_no])
    moved = await still.sql(
        "SELECT to_status FROM order_events WHERE order_no = %(o)s AND to_status IS NOT NULL ORDER BY seq", o=order_no
    )
    path = [row["to_status"] for row in moved]
    assert len(path) == len(set(path)), path
    assert path[-3:] == ["shipped", "delivered", "completed"]
    assert await still.events(order_no) == once


async def test_facts_about_a_parcel_all_at_once(still: StackRun) -> None:
    order_no = await unpaid(still)
    await pay(still, order_no)
    await still.reaches(order_no, "preparing")
    parcel = (await still.items("/shipments", order_no=order_no))[0]
    facts = parcel_facts(parcel, "picked_up", "in_transit", "delivered")
    await asyncio.gather(*(notify(still, "shipment.updated", fact) for fact in facts * 4))
    await still.reaches(order_no, "completed")
    events = await still.events(order_no)
    assert len(events) == len(set(events)), events


async def at_the_provider(stack: StackRun, path: str, **body: Any) -> dict[str, Any]:
    """What somebody does in the provider's dashboard: signed notifications follow."""
    made: dict[str, Any] = await stack.sandbox("POST", path, json={**body, "at_provider": True})
    return made


async def left_minor(stack: StackRun, order_no: str) -> int:
    rows = await stack.sql(
        "SELECT coalesce(sum(captured_minor - refunded_minor - promised_minor - disputed_minor), 0) AS minor"
        " FROM payments JOIN payment_totals USING (payment_id) WHERE order_no = %(o)s",
        o=order_no,
    )
    return int(rows[0]["minor"])


async def test_what_was_done_in_the_dashboard_is_in_the_database(still: StackRun) -> None:
    """Authorised by the customer directly, captured and refunded manually, and disputed."""
    order_no = await unpaid(still)
    body = {"order_no": order_no, "amount_minor": PRICE_MINOR, "currency": "CNY", "capture": False}
    await still.sandbox("POST", "/payments/pay", json=body)
    await still.reaches(order_no, "preparing")
    items = await still.items("/payments", order_no=order_no)
    assert [item["kind"] for item in items] == ["authorise", "capture"]
    capture = items[-1]["id"]
    await at_the_provider(still, f"/payments/{capture}/refund", amount_minor=300, currency="CNY")

    async def left(minor: int) -> None:
        async def is_left() -> bool:
            return await left_minor(still, order_no) == minor

        await until(is_left, f"{order_no}: {minor} is left")

    await left(PRICE_MINOR - 300)
    made = await at_the_provider(still, f"/payments/{capture}/dispute", amount_minor=500)
    await left(200)
    await at_the_provider(still, f"/disputes/{made['id']}/close", status="won")
    await left(PRICE_MINOR - 300)
    assert (await cancel(still, order_no)).status_code == 200
    await still.reaches(order_no, "cancelled")
    assert await left_minor(still, order_no) == 0
