"""Notifications: signed, kept once, and only what changes the story wakes the order."""

import asyncio
import json
import secrets
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import event as sqlalchemy_event
from standardwebhooks import Webhook

from domain.gateways import CarrierNotification
from infra.db.messaging.inbox import keep_shipment
from tests.api.conftest import WEBHOOK_SECRET, ApiClient, an_order, unique


async def notify(
    shop: ApiClient, event: dict[str, Any], *, event_id: str | None = None, age_s: int = 0, secret: str = WEBHOOK_SECRET
) -> httpx.Response:
    body, sent_at = json.dumps(event), int(time.time()) - age_s
    event_id = event_id or unique("evt") + secrets.token_hex(4)
    headers = {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": Webhook(secret).sign(event_id, datetime.fromtimestamp(sent_at, UTC), body),
    }
    return await shop.http.post("/v1/webhooks/sandbox", content=body, headers=headers)


def paid(order_no: str, **changed: Any) -> dict[str, Any]:
    data = {
        "id": unique("txn"),
        "order_no": order_no,
        "kind": "capture",
        "amount_minor": 8500,
        "currency": "CNY",
        "status": "succeeded",
        "idempotency_key": None,
        "error_code": None,
        "parent_id": None,
    }
    return {"type": "payment.updated", "data": data | changed}


def moved(order_no: str, shipment_ref: str, status: str, sequence: int = 1) -> dict[str, Any]:
    data = {
        "id": shipment_ref,
        "order_no": order_no,
        "status": status,
        "tracking_no": "T-1",
        "occurred_at": "2026-11-22T01:02:03Z",
        "sequence": sequence,
    }
    return {"type": "shipment.updated", "data": data}


async def placed(shop: ApiClient) -> str:
    return str((await shop.post("/v1/orders", an_order())).json()["order_no"])


async def shipped(shop: ApiClient, status: str, carrier_ref: str | None) -> tuple[str, str]:
    number, shipment = await placed(shop), unique("s")
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, carrier_ref,"
        " tracking_no) VALUES (%s, %s, 'WH-EAST', 'sandbox', %s, %s, %s, 'T-1')",
        *(shipment, number, status, shipment, carrier_ref),
    )
    return number, shipment


async def signals(shop: ApiClient, number: str) -> list[str]:
    rows = await shop.sql(
        "SELECT name FROM workflow_requests WHERE subject = %s AND kind = 'signal_order' ORDER BY request_id", number
    )
    return [row["name"] for row in rows]


async def carrier_statuses(shop: ApiClient, number: str) -> list[str]:
    """What the carrier's facts in the inbox say of this order, oldest first."""
    rows = await shop.sql(
        "SELECT fact ->> 'status' AS status FROM inbox WHERE order_no = %s AND kind = 'shipment' ORDER BY inbox_id",
        number,
    )
    return [row["status"] for row in rows]


async def test_payment_is_kept_and_wakes_its_order(shop: ApiClient) -> None:
    number = await placed(shop)
    event = paid(number)

    response = await notify(shop, event)

    assert (response.status_code, response.json()) == (200, {"status": "accepted"})
    (row,) = await shop.sql("SELECT kind, fact FROM inbox WHERE order_no = %s", number)
    assert row == {
        "kind": "payment",
        "fact": {
            "provider_ref": event["data"]["id"],
            "kind": "capture",
            "status": "succeeded",
            "amount_minor": 8500,
            "currency": "CNY",
            "idempotency_key": None,
            "error_code": None,
            "parent_ref": None,
        },
    }
    assert await signals(shop, number) == ["payment_notified"]


async def test_replayed_notification_changes_nothing(shop: ApiClient) -> None:
    number = await placed(shop)
    event = paid(number)
    await notify(shop, event, event_id=f"replay-{number}")
    before = await shop.row_counts()

    responses = await asyncio.gather(*(notify(shop, event, event_id=f"replay-{number}") for _ in range(5)))

    assert [response.json() for response in responses] == [{"status": "duplicate"}] * 5
    assert await shop.row_counts() == before


async def test_order_of_nobody_is_kept_for_a_person(shop: ApiClient) -> None:
    response = await notify(shop, paid("NOT-OURS"), event_id="nobody-1")
    assert response.json() == {"status": "accepted"}
    assert await shop.sql("SELECT order_no FROM inbox WHERE event_id = 'nobody-1'") == [{"order_no": None}]


@pytest.mark.parametrize(
    ("known", "scanned", "wakes"),
    [
        ("booked", "picked_up", True),
        ("booked", "delivered", True),
        ("picked_up", "in_transit", False),
        ("picked_up", "delivered", True),
        ("delivered", "picked_up", False),
        ("in_transit", "lost", True),
        ("cancelled", "delivered", False),
    ],
)
async def test_scan_wakes_the_order_only_with_news(shop: ApiClient, known: str, scanned: str, wakes: bool) -> None:
    reference = unique("ref")
    number, shipment = await shipped(shop, known, reference)

    response = await notify(shop, moved(number, reference, scanned))

    assert response.json() == {"status": "accepted"}
    scans = await shop.sql("SELECT status FROM shipment_scans WHERE shipment_id = %s", shipment)
    assert scans == [{"status": scanned}]
    assert await signals(shop, number) == (["carrier_reported"] if wakes else [])


async def test_word_that_we_have_no_state_for_wakes_nobody(shop: ApiClient) -> None:
    number, shipment = await shipped(shop, "booked", "customs-1")
    other = await placed(shop)
    moment = datetime(2026, 11, 22, tzinfo=UTC)
    async with shop.app.state.services.database.begin() as conn:
        for order_no, reference in ((number, "customs-1"), (other, "not-known")):
            notice = CarrierNotification(unique("e"), reference, "T-1", order_no, "held_at_customs", moment, 1)
            assert await keep_shipment(conn, "sandbox", notice) == "accepted"
    assert await shop.sql("SELECT 1 AS one FROM shipment_scans WHERE shipment_id = %s", shipment)
    assert await signals(shop, number) == await signals(shop, other) == []


async def test_scan_shows_on_the_order_and_comes_once(shop: ApiClient) -> None:
    reference = unique("ref")
    number, _ = await shipped(shop, "booked", reference)
    for _ in range(2):
        await notify(shop, moved(number, reference, "picked_up"), event_id=f"scan-{number}")
    (shipment,) = (await shop.get(f"/v1/orders/{number}")).json()["shipments"]
    assert shipment["scans"] == [{"status": "picked_up", "occurred_at": "2026-11-22T01:02:03Z"}]
    assert await signals(shop, number) == ["carrier_reported"]


async def test_parcel_that_is_still_being_booked_is_found_by_its_order(shop: ApiClient) -> None:
    number, shipment = await shipped(shop, "booking", None)
    await notify(shop, moved(number, "unheard-of", "picked_up"))
    assert await shop.sql("SELECT status FROM shipment_scans WHERE shipment_id = %s", shipment)
    (row,) = await shop.sql("SELECT fact ->> 'carrier_ref' AS ref FROM inbox WHERE order_no = %s", number)
    assert row == {"ref": "unheard-of"}


async def test_in_transit_says_nothing_new_while_the_pick_up_waits_to_be_heard(shop: ApiClient) -> None:
    reference = unique("ref")
    number, shipment = await shipped(shop, "booked", reference)
    await notify(shop, moved(number, reference, "picked_up"))

    response = await notify(shop, moved(number, reference, "in_transit", 2))

    assert response.json() == {"status": "accepted"}
    scans = await shop.sql("SELECT status FROM shipment_scans WHERE shipment_id = %s ORDER BY received_at", shipment)
    assert [scan["status"] for scan in scans] == ["picked_up", "in_transit"]
    assert await carrier_statuses(shop, number) == ["picked_up"]
    await notify(shop, moved(number, reference, "delivered", 3))
    assert await carrier_statuses(shop, number) == ["picked_up", "delivered"]
    assert await signals(shop, number) == ["carrier_reported"] * 2


@pytest.mark.parametrize(("known", "carrier_ref"), [("booked", "lost-1"), ("booking", None)])
async def test_in_transit_stands_for_a_pick_up_that_was_never_reported(
    shop: ApiClient, known: str, carrier_ref: str | None
) -> None:
    number, _ = await shipped(shop, known, carrier_ref)
    await notify(shop, paid(number))
    for sequence in (1, 2):
        await notify(shop, moved(number, "lost-1" if carrier_ref else "lost-2", "in_transit", sequence))
    assert await carrier_statuses(shop, number) == ["in_transit"]


async def test_only_a_waiting_fact_about_this_parcel_silences_in_transit(shop: ApiClient) -> None:
    before, reference = unique("ref"), unique("ref")
    number, shipment = await shipped(shop, "booked", before)
    await notify(shop, moved(number, before, "picked_up"))
    await shop.sql("UPDATE shipments SET status = 'cancelled' WHERE shipment_id = %s", shipment)
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, carrier_ref,"
        " tracking_no) VALUES (%s, %s, 'WH-EAST', 'sandbox', 'booked', %s, %s, 'T-2')",
        *(reference, number, reference, reference),
    )
    await notify(shop, moved(number, reference, "in_transit"))
    assert await carrier_statuses(shop, number) == ["picked_up", "in_transit"]


async def test_in_transit_is_a_fact_when_what_was_reported_before_is_dealt_with(shop: ApiClient) -> None:
    reference = unique("ref")
    number, _ = await shipped(shop, "booked", reference)
    await notify(shop, moved(number, reference, "picked_up"))
    await shop.sql("UPDATE inbox SET processed_at = now(), outcome = 'ignored' WHERE order_no = %s", number)
    await notify(shop, moved(number, reference, "in_transit", 2))
    assert await carrier_statuses(shop, number) == ["picked_up", "in_transit"]


async def test_replayed_scan_changes_nothing(shop: ApiClient) -> None:
    reference = unique("ref")
    number, _ = await shipped(shop, "booked", reference)
    fact = moved(number, reference, "picked_up")
    responses = await asyncio.gather(*(notify(shop, fact, event_id=f"again-{number}") for _ in range(5)))
    assert sorted(response.json()["status"] for response in responses) == ["accepted", *["duplicate"] * 4]
    assert await carrier_statuses(shop, number) == ["picked_up"]
    assert await signals(shop, number) == ["carrier_reported"]


async def test_parcel_of_nobody_is_kept_once(shop: ApiClient) -> None:
    number = await placed(shop)
    for status in ("accepted", "duplicate"):
        response = await notify(shop, moved(number, "nobodys", "picked_up"), event_id=f"early-{number}")
        assert response.json() == {"status": status}
    assert await carrier_statuses(shop, number) == ["picked_up"]
    await notify(shop, moved("NOT-OURS", "nobodys", "picked_up"), event_id="nobody-2")
    assert await shop.sql("SELECT order_no FROM inbox WHERE event_id = 'nobody-2'") == [{"order_no": None}]


@pytest.mark.parametrize("kind", ["payment", "shipment"])
async def test_a_notification_is_one_statement(shop: ApiClient, kind: str) -> None:
    reference = unique("ref")
    number, _ = await shipped(shop, "booked", reference)
    engine = shop.app.state.services.database.engine.sync_engine
    sent: list[str] = []
    this = asyncio.current_task()

    def note(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if asyncio.current_task() is not this:  # what the process looks up from time to time
            return
        alone = connection.connection.driver_connection.autocommit
        sent.append(statement if alone else f"in a transaction: {statement}")

    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    try:
        await notify(shop, paid(number) if kind == "payment" else moved(number, reference, "picked_up"))
    finally:
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
    assert len(sent) == 1
    assert not sent[0].startswith("in a transaction")
    assert len(await signals(shop, number)) == 1


@pytest.mark.parametrize("case", ["wrong secret", "old", "unsigned", "altered"])
async def test_notification_that_cannot_be_trusted(shop: ApiClient, case: str) -> None:
    number = await placed(shop)
    before = await shop.row_counts()
    match case:
        case "wrong secret":
            response = await notify(shop, paid(number), secret="whsec_" + "A" * 32)
        case "old":
            response = await notify(shop, paid(number), age_s=3600)
        case "unsigned":
            response = await shop.http.post("/v1/webhooks/sandbox", json=paid(number))
        case _:
            good = (await notify(shop, paid(number), event_id=f"altered-{number}")).request
            before = await shop.row_counts()
            content = good.content.replace(b"8500", b"9500")
            headers = {name: good.headers[name] for name in good.headers if name.startswith("webhook-")}
            response = await shop.http.post("/v1/webhooks/sandbox", content=content, headers=headers)
    code = "signature_expired" if case == "old" else "signature_invalid"
    assert (response.status_code, response.json()["code"]) == (401, code)
    assert await shop.row_counts() == before


async def test_provider_of_nobody(shop: ApiClient) -> None:
    response = await shop.http.post("/v1/webhooks/nobody", json={})
    assert (response.status_code, response.json()["code"]) == (404, "provider_not_found")


async def test_signed_nonsense_is_refused_without_a_trace(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await notify(shop, {"type": "payment.updated", "data": {"order_no": 7}})
    assert (response.status_code, response.json()["code"]) == (422, "payload_invalid")
    ignored = await notify(shop, {"type": "weather.updated", "data": {}})
    assert ignored.json() == {"status": "ignored"}
    assert await shop.row_counts() == before
