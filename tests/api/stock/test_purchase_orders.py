"""Purchase orders: incoming is what is open on their lines, whoever receives, changes or cancels."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_stock import level, new_sku
from tests.api.stock.test_transfers import requested, step, stocked

SOON = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
LATER = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


def wanted(*lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    named = [{"sku": sku, "quantity": quantity} for sku, quantity in lines]
    body = {"number": unique("PO"), "supplier": "Hills of Anxi", "warehouse": "WH-EAST", "expected_on": SOON}
    return body | {"lines": named} | more


async def ordered(shop: ApiClient, *lines: tuple[str, int], **more: Any) -> str:
    answer = await shop.as_("operations").post("/v1/purchase-orders", wanted(*lines, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["number"])


async def received(shop: ApiClient, number: str, sku: str, quantity: int, **more: Any) -> Any:
    body = {"sku": sku, "quantity": quantity, "reference": unique("DN"), "purchase_order": number, **more}
    return await shop.as_("warehouse").post("/v1/stock/receipts", body)


async def incoming(shop: ApiClient, sku: str) -> tuple[int, int]:
    found = await level(shop, sku)
    return found["incoming"], found["on_hand"]


async def changed(shop: ApiClient, number: str, **body: Any) -> Any:
    tag = (await shop.get(f"/v1/purchase-orders/{number}")).headers["etag"]
    headers = shop.as_("operations").headers | {"Idempotency-Key": unique("k"), "If-Match": tag}
    return await shop.http.patch(f"/v1/purchase-orders/{number}", json=body, headers=headers)


async def test_incoming_follows_receipts_changes_and_cancelling(shop: ApiClient) -> None:
    sku, other = await new_sku(shop), await new_sku(shop)
    number = await ordered(shop, (sku, 6), (other, 1), (sku, 4))
    assert await incoming(shop, sku) == (10, 0)
    assert (await received(shop, number, sku, 3)).status_code == 201
    assert await incoming(shop, sku) == (7, 3)
    answer = await changed(shop, number, lines=[{"sku": sku, "quantity": 5}])
    assert answer.status_code == 200 and await incoming(shop, sku) == (2, 3)
    assert await incoming(shop, other) == (0, 0)
    kept = await changed(shop, number, lines=[{"sku": sku, "quantity": 2}])
    assert (kept.status_code, kept.json()["code"], kept.json()["received"]) == (409, "already_received", 3)
    cancelled = await shop.as_("operations").post(f"/v1/purchase-orders/{number}/cancel", {})
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    assert await incoming(shop, sku) == (0, 3)
    late = await received(shop, number, sku, 1)
    assert (late.status_code, late.json()["code"]) == (409, "purchase_order_closed")


async def test_over_delivery_is_refused_or_taken_up_to_the_tolerance(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    number = await ordered(shop, (sku, 10), over_percent=20)
    refused = await received(shop, number, sku, 13)
    assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (409, "over_delivery", 12)
    assert (await received(shop, number, sku, 12)).status_code == 201
    found = (await shop.get(f"/v1/purchase-orders/{number}")).json()
    assert (found["status"], found["lines"][0]["open"], await incoming(shop, sku)) == ("received", 0, (0, 12))


async def test_receipts_at_once_take_no_more_than_was_ordered(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    number = await ordered(shop, (sku, 5))
    answers = await asyncio.gather(*(received(shop, number, sku, 1) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 3
    assert await incoming(shop, sku) == (0, 5)


async def test_a_new_date_is_what_arrivals_say_and_it_is_audited(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = await ordered(shop, (sku, 6))
    answer = await changed(shop, number, expected_on=LATER)
    assert (answer.status_code, answer.json()["expected_on"]) == (200, LATER)
    transfer = (await requested(shop, sku=sku, quantity=2, expected_on=SOON))["transfer_id"]
    await step(shop, transfer, "ship")
    found = (await shop.get(f"/v1/stock/{sku}/arrivals")).json()["items"]
    assert [(one["source"], one["reference"], one["warehouse"], one["quantity"]) for one in found] == [
        ("transfer", transfer, "WH-SOUTH", 2), ("purchase_order", number, "WH-EAST", 6),
    ]  # fmt: skip
    kept = await shop.sql(
        "SELECT before, after, actor FROM audit_log WHERE action = 'purchase_order_changed' AND reference = %s", number
    )
    assert SOON in kept[0]["before"] and LATER in kept[0]["after"] and kept[0]["actor"] == "operations:s-1"


async def test_nobody_overwrites_another_unseen(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    number = await ordered(shop, (sku, 6))
    await received(shop, number, sku, 1)
    headers = shop.as_("operations").headers | {"Idempotency-Key": unique("k"), "If-Match": '"1"'}
    late = await shop.http.patch(f"/v1/purchase-orders/{number}", json={"supplier": "Other"}, headers=headers)
    assert (late.status_code, late.json()["code"]) == (412, "purchase_order_changed")


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no product": ({"lines": [{"sku": "NONE", "quantity": 1}]}, 404, "product_not_found"),
    "no warehouse": ({"warehouse": "NONE"}, 422, "unknown_warehouse"),
    "no lines": ({"lines": []}, 422, "lines_needed"),
    "negative": ({"lines": [{"sku": "TEA-1", "quantity": -1}]}, 422, "invalid_quantity"),
    "absurd": ({"lines": [{"sku": "TEA-1", "quantity": 10**12}]}, 422, "invalid_quantity"),
    "a made-up date": ({"expected_on": "2026-02-31"}, 422, "invalid_expected_date"),
    "a date long ago": ({"expected_on": "1999-01-01"}, 422, "invalid_expected_date"),
    "a slash": ({"number": "a/b"}, 422, "invalid_id"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_purchase_order_leaves_nothing(shop: ApiClient, name: str) -> None:
    change, status, code = BAD[name]
    before = await shop.row_counts()
    answer = await shop.as_("operations").post("/v1/purchase-orders", wanted(("TEA-1", 1), **change))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_a_number_names_one_and_receipts_are_of_it(shop: ApiClient) -> None:
    sku, other = await new_sku(shop), await new_sku(shop)
    number = await ordered(shop, (sku, 6))
    twice = await shop.as_("operations").post("/v1/purchase-orders", wanted((sku, 1), number=number))
    assert (twice.status_code, twice.json()["code"]) == (409, "purchase_order_exists")
    for answer, code in (
        (await received(shop, number, other, 1), "not_in_purchase_order"),
        (await received(shop, number, sku, 1, warehouse="WH-SOUTH"), "other_warehouse"),
        (await received(shop, "none", sku, 1), "purchase_order_not_found"),
    ):
        assert answer.json()["code"] == code
    assert await incoming(shop, sku) == (6, 0)
