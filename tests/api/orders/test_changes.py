"""Changing an order after it was placed: what it does, what it refuses, and that a refusal changes nothing."""

import asyncio
from typing import Any

import httpx
import pytest

from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import (
    ELSEWHERE,
    change,
    etag,
    held,
    ledger_of,
    lines,
    paid,
    parcel,
    placed,
    reserved,
    stocked,
)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_address_and_note_are_changed_sealed_and_reported(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop))
    body = {"ship_to": ELSEWHERE, "note": "leave it at the gate"}
    response = await change(shop, number, body, preview=True)
    assert response.status_code == 200, response.text
    assert (await shop.sql("SELECT 1 FROM order_changes WHERE order_no = %s", number)) == []

    answer = await change(shop, number, body)

    assert answer.json() == response.json()
    assert answer.headers["etag"] == await etag(shop, number)
    assert [one["what"] for one in answer.json()["changes"]] == ["address", "note"]
    order = (await shop.get(f"/v1/orders/{number}")).json()
    assert (order["ship_to"], order["note"]) == (ELSEWHERE, "leave it at the gate")
    (row,) = await shop.sql("SELECT province, city, address_rev FROM orders WHERE order_no = %s", number)
    assert tuple(row.values()) == ("浙江省", "杭州市", 1)
    (event,) = await shop.sql(
        "SELECT seq, actor, data FROM order_events WHERE order_no = %s AND type = 'order_changed'", number
    )
    assert event["data"]["what"] == ["address", "note"]
    (rows,) = await shop.sql("SELECT c::text AS whole, seq, actor FROM order_changes c WHERE order_no = %s", number)
    assert (rows["seq"], rows["actor"]) == (event["seq"], "support:amy")
    for clear in ("Han Mei", "Other Road", "gate"):
        assert clear not in rows["whole"] and clear.encode().hex() not in rows["whole"]
        assert clear not in str(event)
    (audited,) = await shop.sql(
        "SELECT actor, reference FROM audit_log WHERE order_no = %s AND action = 'order_changed'", number
    )
    assert audited == {"actor": "support:amy", "reference": str(event["seq"])}
    signals = await shop.sql("SELECT name, payload FROM workflow_requests WHERE subject = %s ORDER BY 1", number)
    assert signals[0] == {"name": "order_changed", "payload": {"change_no": 1, "what": ["address", "note"]}}


async def test_what_was_before_can_be_read_by_who_holds_the_key(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop), note="ring twice")
    assert (await change(shop, number, {"note": None})).status_code == 200
    (row,) = await shop.sql(
        "SELECT h.before_enc, h.after_enc, c.data_key FROM order_changes h JOIN orders USING (order_no) "
        "JOIN customers c USING (customer_id) WHERE order_no = %s", number)  # fmt: skip
    vault = Vault.from_settings(shop.app.state.services.settings)
    key = vault.unwrap(bytes(row["data_key"]))
    assert vault.open_json(key, bytes(row["before_enc"]), f"{number}:change:1:before") == {"note": "ring twice"}
    assert vault.open_json(key, bytes(row["after_enc"]), f"{number}:change:1:after") == {"note": ""}
    assert (await shop.get(f"/v1/orders/{number}")).json()["note"] is None


async def test_more_and_fewer_and_others_of_a_reserved_order(shop: ApiClient) -> None:
    """Frozen prices for what it has, today's for what is new; stock follows exactly."""
    stored, dropped, new = await stocked(shop, 1_000), await stocked(shop, 500), await stocked(shop, 70)
    number = await placed(shop, stored, lines=[{"sku": stored, "quantity": 3}, {"sku": dropped, "quantity": 2}])
    await reserved(shop, number)
    await shop.sql("UPDATE products SET price_minor = 9999 WHERE sku = %s", stored)

    answer = await change(shop, number, lines(**{stored: 5, new: 4}))

    body = answer.json()
    assert answer.status_code == 200, answer.text
    assert (body["total_before_minor"], body["total_after_minor"]) == (4_000, 5_280)
    assert (body["refund_minor"], body["to_pay_minor"]) == (0, 5_280)
    assert {row["sku"]: row["quantity"] for row in body["stock"]} == {stored: 2, dropped: -2, new: 4}
    assert await held(shop, number) == {stored: 5, new: 4}
    for sku, units in ((stored, 5), (dropped, 0), (new, 4)):
        (level,) = (await shop.as_("warehouse").get(f"/v1/stock/{sku}")).json()["items"][:1] or [None]
        assert level["reserved"] == units, sku
    order = (await shop.get(f"/v1/orders/{number}")).json()
    assert order["total_minor"] == order["items_minor"] == 5_280
    assert sum(line["total_minor"] for line in order["lines"]) == 5_280
    assert {line["sku"] for line in order["lines"]} == {stored, new}


async def test_several_lines_of_a_sku_are_summed_and_give_way_in_the_order_of_their_numbers(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    assert (
        await change(shop, number, {"lines": [{"sku": sku, "quantity": 4}, {"sku": sku, "quantity": 2}]})
    ).is_success
    assert (await change(shop, number, lines(**{sku: 2}))).is_success
    rows = await shop.sql("SELECT line_no, quantity FROM order_lines WHERE order_no = %s ORDER BY 1", number)
    assert [tuple(row.values()) for row in rows] == [(1, 0), (2, 2)]
    assert await held(shop, number) == {}, "nothing is reserved before the reservation"
    await reserved(shop, number)
    assert await held(shop, number) == {sku: 2}


async def test_what_is_the_same_already_changes_nothing(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    before = await ledger_of(shop, number)
    order = (await shop.get(f"/v1/orders/{number}")).json()
    answer = await change(shop, number, {"ship_to": order["ship_to"], "note": order["note"], **lines(**{sku: 3})})
    assert (answer.status_code, answer.json()["changes"]) == (200, [])
    assert await ledger_of(shop, number) == before


async def test_the_same_request_again_is_answered_as_the_first(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop))
    tag, key = await etag(shop, number), unique("key")
    first = await change(shop, number, {"note": "once"}, tag=tag, key=key)
    again = await change(shop, number, {"note": "once"}, tag=tag, key=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await shop.sql("SELECT 1 FROM order_changes WHERE order_no = %s", number)) == 1
    other = await change(shop, number, {"note": "twice"}, tag=tag, key=key)
    assert code(other) == (422, "idempotency_key_reused")


async def test_of_two_changes_at_once_one_is_answered_that_the_order_moved_on(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await reserved(shop, number)
    tag = await etag(shop, number)
    answers = await asyncio.gather(*(change(shop, number, lines(**{sku: units}), tag=tag) for units in (1, 5)))
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    winner = next(answer for answer in answers if answer.is_success)
    assert await held(shop, number) == {sku: winner.json()["changes"][0]["lines"][0]["after"]}


def addressed(**changed: Any) -> dict[str, Any]:
    return {"ship_to": {name: value for name, value in {**ELSEWHERE, **changed}.items() if value is not None}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "nothing_to_change"),
        ({"lines": None}, "nothing_to_change"),
        ({"ship_to": None}, "nothing_to_change"),
        (addressed(line1=None), "validation_failed"),
        (addressed(name=None), "validation_failed"),
        (addressed(city=""), "validation_failed"),
        (addressed(country="China"), "validation_failed"),
        (addressed(line1="a\x00b"), "invalid_text"),
        ({"total_minor": 1}, "unknown_field"),
        ({"lines": []}, "empty_order"),
        ({"lines": [{"sku": "TEA-1", "quantity": 0}]}, "invalid_quantity"),
        ({"lines": [{"sku": "TEA-1", "quantity": -1}]}, "invalid_quantity"),
        ({"lines": [{"sku": "TEA-1", "quantity": 10**18}]}, "invalid_quantity"),
        ({"lines": [{"sku": "TEA-1", "quantity": 1.5}]}, "invalid_quantity"),
        ({"lines": [{"sku": "TEA-1", "quantity": 600_000}] * 2}, "invalid_quantity"),
        ({"lines": [{"sku": "TEA-1", "quantity": 1, "unit_price_minor": 1}]}, "unknown_field"),
        ({"lines": [{"sku": "TEA-1", "quantity": 1}] * 501}, "too_many_lines"),
        ({"lines": [{"sku": "NO-SUCH", "quantity": 1}]}, "unknown_sku"),
        ({"lines": [{"sku": "OLD-1", "quantity": 1}]}, "product_inactive"),
        ({"lines": [{"sku": "USD-1", "quantity": 1}]}, "currency_mismatch"),
        ({"note": "x" * 2_001}, "note_too_long"),
        ({"note": 5}, "validation_failed"),
        ("not an object", "validation_failed"),
    ],
)
async def test_what_does_not_fit_is_refused_in_preview_too(shop: ApiClient, body: Any, expected: str) -> None:
    number = await placed(shop, "TEA-1")
    before = await ledger_of(shop, number)
    for preview in (True, False):
        answer = await change(shop, number, body, preview=preview)
        assert code(answer) == (422, expected), answer.text
    assert await ledger_of(shop, number) == before


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        (None, (428, "if_match_missing")),
        ("", (428, "if_match_missing")),
        ('"0"', (412, "order_changed")),
        ("1", (412, "order_changed")),
        ('W/"1"', (412, "order_changed")),
        ('"1", "x"', (200, "")),
        ("*", (200, "")),
    ],
)
async def test_it_must_be_said_which_order_was_seen(
    shop: ApiClient, tag: str | None, expected: tuple[int, str]
) -> None:
    number = await placed(shop, "TEA-1")
    answer = await change(shop, number, {"note": "hello"}, tag=tag)
    assert code(answer) == expected
    answer = await change(shop, number, {"note": "hello"}, tag=tag, preview=True)
    assert answer.status_code in (expected[0], 412)


async def test_other_peoples_orders_are_not_there(shop: ApiClient) -> None:
    number = await placed(shop, "TEA-1")
    stranger, tag = shop.as_("customer", unique("c")), await etag(shop, number)
    assert code(await change(stranger, number, {"note": "x"}, tag=tag)) == (404, "order_not_found")
    owner = shop.as_("customer", "c-17")
    assert (await change(owner, number, {"note": "mine"}, tag=tag)).status_code == 200
    assert code(await change(shop.as_("warehouse"), number, {"note": "x"}, tag=tag)) == (403, "forbidden")


async def test_stock_that_is_short_changes_nothing(shop: ApiClient) -> None:
    plenty, short = await stocked(shop), await stocked(shop, units=2)
    number = await placed(shop, plenty, 3)
    await reserved(shop, number)
    before = await ledger_of(shop, number)
    for body in (lines(**{plenty: 1, short: 3}), lines(**{plenty: 21})):
        for preview in (True, False):
            assert code(await change(shop, number, body, preview=preview)) == (409, "stock_short")
    assert await ledger_of(shop, number) == before


@pytest.mark.parametrize("kind", ["authorise", "capture"])
@pytest.mark.parametrize("status", ["intent", "pending", "succeeded"])
async def test_lines_wait_for_a_payment_that_is_in_flight(shop: ApiClient, kind: str, status: str) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await reserved(shop, number)
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) VALUES (%s, %s, 1, 'sandbox', 3000, 'CNY', %s, %s, %s)",
        number, kind, status, unique("key"), unique("ref"),
    )  # fmt: skip
    assert "change_lines" not in (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"]
    for preview in (True, False):
        answer = await change(shop, number, lines(**{sku: 1}), preview=preview)
        assert code(answer) == (409, "payment_in_progress"), answer.text
    assert (await change(shop, number, {"ship_to": ELSEWHERE})).status_code == 200


async def test_a_payment_that_was_reported_and_not_yet_heard_does_not_lose(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await reserved(shop, number)
    await shop.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'payment', %s, '{}')",
        unique("evt"), number,
    )  # fmt: skip
    assert code(await change(shop, number, lines(**{sku: 1}))) == (409, "payment_in_progress")


async def test_a_label_fixes_address_and_lines_and_not_the_note(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await reserved(shop, number)
    await paid(shop, number)
    await parcel(shop, number)
    for body, text in (({"ship_to": ELSEWHERE}, "the address stays"), (lines(**{sku: 1}), "the lines stay")):
        answer = await change(shop, number, body)
        assert code(answer) == (409, "label_printed")
        assert f"{text}; cancel the order" in answer.json()["detail"]
    assert (await change(shop, number, {"note": "still in time"})).status_code == 200
    offered = (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"]
    assert [action for action in offered if action != "refund"] == ["cancel", "change_note"]


@pytest.mark.parametrize("status", ["shipped", "delivered", "completed", "cancelled"])
async def test_what_has_left_or_is_over_is_not_changed(shop: ApiClient, status: str) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await shop.sql("SET session_replication_role = replica; UPDATE orders SET status = '" + status + "' "
                   "WHERE order_no = '" + number + "'")  # fmt: skip
    expected = "order_closed" if status in ("completed", "cancelled") else "parcel_on_its_way"
    before = await ledger_of(shop, number)
    for body in ({"ship_to": ELSEWHERE}, lines(**{sku: 1}), {"note": "x"}):
        for preview in (True, False):
            assert code(await change(shop, number, body, preview=preview)) == (409, expected)
    assert await ledger_of(shop, number) == before


async def test_what_is_being_cancelled_is_not_changed(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await shop.sql("UPDATE orders SET cancelling = 'customer_request' WHERE order_no = %s", number)
    for body in ({"ship_to": ELSEWHERE}, lines(**{sku: 1}), {"note": "x"}):
        assert code(await change(shop, number, body)) == (409, "order_closed")
    assert (await shop.get(f"/v1/orders/{number}")).json()["allowed_actions"] == []


async def test_more_than_was_paid_needs_a_second_order(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku, 3)
    await reserved(shop, number)
    await paid(shop, number)
    before = await ledger_of(shop, number)
    answer = await change(shop, number, lines(**{sku: 4}))
    assert code(answer) == (409, "pay_difference_needed")
    assert "second order" in answer.json()["detail"]
    assert await ledger_of(shop, number) == before


async def test_an_order_that_comes_to_cost_nothing_needs_no_payment(shop: ApiClient) -> None:
    expensive, gift = await stocked(shop), await stocked(shop, price_minor=0)
    number = await placed(shop, expensive, 1)
    await reserved(shop, number)
    answer = await change(shop, number, lines(**{gift: 1}))
    assert (answer.status_code, answer.json()["status"]) == (200, "paid")


async def test_a_note_with_script_in_it_is_only_text(shop: ApiClient) -> None:
    number = await placed(shop, "TEA-1")
    note = "<script>alert(1)</script>\n'; DROP TABLE orders; --"
    assert (await change(shop, number, {"note": note})).status_code == 200
    assert (await shop.get(f"/v1/orders/{number}")).json()["note"] == note


async def test_of_an_erased_customer_nothing_personal_is_kept(shop: ApiClient) -> None:
    customer = unique("c")
    sku = await stocked(shop)
    number = await placed(shop, sku, 3, customer={"id": customer, "name": "N", "email": None, "phone": None})
    await shop.sql("UPDATE customers SET data_key = NULL WHERE customer_id = %s", customer)
    assert code(await change(shop, number, {"ship_to": ELSEWHERE})) == (409, "customer_erased")
    assert (await change(shop, number, lines(**{sku: 1}))).status_code == 200
