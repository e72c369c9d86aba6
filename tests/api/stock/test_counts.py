"""Counts: goods go on moving, differences are adjustments, and orders keep what they hold."""

import asyncio
from typing import Any

import pytest

from domain.times import rfc3339
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.stock.test_stock import level, new_sku, receive, reserve
from tests.api.stock.test_transfers import stocked


async def counted(shop: ApiClient, *lines: dict[str, Any], by: str = "wu", expect: int = 201, **more: Any) -> Any:
    body = {"warehouse": "WH-EAST", "lines": list(lines), "reference": unique("C"), **more}
    answer = await shop.as_("warehouse", by).post("/v1/stock/counts", body)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def decide(shop: ApiClient, count_id: str, what: str, by: str = "ola") -> Any:
    return await shop.as_("operations", by).post(f"/v1/stock/counts/{count_id}/{what}", {})


async def on_hand(shop: ApiClient, sku: str) -> int:
    return int((await level(shop, sku))["on_hand"])


async def test_differences_are_adjustments_with_actor_and_reason(shop: ApiClient) -> None:
    sku, other, same = await stocked(shop), await stocked(shop), await stocked(shop)
    lines = [{"sku": sku, "counted": 8}, {"sku": other, "counted": 11}, {"sku": same, "counted": 10}]
    count = await counted(shop, *lines)
    assert count["status"] == "posted" and count["cases"] == []
    assert {one["sku"]: one["difference"] for one in count["lines"]} == {sku: -2, other: 1, same: 0}
    assert [await on_hand(shop, one) for one in (sku, other, same)] == [8, 11, 10]
    (moved,) = (await shop.get(f"/v1/stock/{sku}/movements", limit=1)).json()["items"]
    assert (moved["kind"], moved["quantity"], moved["actor"], moved["reference"]) == (
        "adjustment", -2, "warehouse:wu", count["reference"],
    )  # fmt: skip


async def test_movements_between_counting_and_posting_count_once(shop: ApiClient) -> None:
    """Ten were there and nine were counted; then five came and two went, before the count was recorded."""
    sku = await stocked(shop)
    (now,) = await shop.sql(
        "SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS at"
    )
    await receive(shop, sku, 5)
    await shop.as_("warehouse").post("/v1/stock/adjustments", {"sku": sku, "quantity": -2, "reason": "broken"})
    count = await counted(shop, {"sku": sku, "counted": 9}, counted_at=rfc3339(now["at"]))
    assert (count["lines"][0]["expected"], count["lines"][0]["difference"]) == (10, -1)
    assert await on_hand(shop, sku) == 12


async def test_large_differences_need_an_approval_and_later_movements_stay(shop: ApiClient) -> None:
    sku = await stocked(shop, 500)
    count = await counted(shop, {"sku": sku, "counted": 390})
    assert count["status"] == "awaiting_approval" and await on_hand(shop, sku) == 500
    await receive(shop, sku, 7)
    alone = await decide(shop, count["count_id"], "approve", by="wu")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    done = await decide(shop, count["count_id"], "approve")
    assert (done.json()["status"], done.json()["decided_by"]) == ("posted", "operations:ola")
    assert await on_hand(shop, sku) == 397
    again = await decide(shop, count["count_id"], "approve")
    assert (again.status_code, again.json()["code"]) == (409, "count_closed")


async def test_a_refused_count_changes_nothing(shop: ApiClient) -> None:
    sku = await stocked(shop, 500)
    count = await counted(shop, {"sku": sku, "counted": 0})
    assert (await decide(shop, count["count_id"], "refuse")).json()["status"] == "refused"
    assert await on_hand(shop, sku) == 500


async def dear(shop: ApiClient, currency: str = "CNY") -> str:
    """Ten pieces of 600.00 each."""
    sku = unique("DEAR")
    product = {"sku": sku, "name": "Gold tea", "price_minor": 60_000, "currency": currency}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    await receive(shop, sku, 10)
    return sku


async def test_amounts_of_different_currencies_are_never_added(shop: ApiClient) -> None:
    yuan, more_yuan, euro = await dear(shop), await dear(shop), await dear(shop, "EUR")
    one_less = [{"sku": sku, "counted": 9} for sku in (yuan, euro)]
    assert (await counted(shop, *one_less))["status"] == "posted"
    assert (await counted(shop, {"sku": euro, "counted": 7}))["status"] == "awaiting_approval"
    both = [{"sku": yuan, "counted": 8}, {"sku": more_yuan, "counted": 9}]
    assert (await counted(shop, *both))["status"] == "awaiting_approval"


async def test_value_counts_as_well_as_units(shop: ApiClient) -> None:
    sku = await dear(shop)
    assert (await counted(shop, {"sku": sku, "counted": 9}))["status"] == "posted"
    assert (await counted(shop, {"sku": sku, "counted": 7}))["status"] == "awaiting_approval"


async def test_less_than_orders_hold_is_a_case_that_names_them_and_no_half_result(shop: ApiClient) -> None:
    sku, other = await stocked(shop), await stocked(shop)
    await reserve(shop, sku, 6)
    holder = (await shop.post("/v1/orders", an_order(sku=sku))).json()["order_no"]
    await shop.sql(
        "INSERT INTO allocations (order_no, sku, warehouse, quantity, state) VALUES (%s, %s, 'WH-EAST', 6, 'reserved')",
        holder, sku,
    )  # fmt: skip
    count = await counted(shop, {"sku": sku, "counted": 4}, {"sku": other, "counted": 9})
    assert count["status"] == "short" and [await on_hand(shop, one) for one in (sku, other)] == [10, 10]
    (case_id,) = count["cases"]
    items = (await shop.get("/v1/stock/cases")).json()["items"]
    (case,) = [one for one in items if one["case_id"] == case_id]
    assert (case["kind"], case["quantity"], case["orders"], case["owner"]) == ("count_short", 2, [holder], "wu")
    assert (await decide(shop, count["count_id"], "post")).json()["status"] == "short"
    await receive(shop, sku, 2)
    done = (await decide(shop, count["count_id"], "post")).json()
    assert done["status"] == "posted" and [await on_hand(shop, one) for one in (sku, other)] == [6, 9]
    assert case_id not in [one["case_id"] for one in (await shop.get("/v1/stock/cases")).json()["items"]]


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "twice": ({"lines": [{"sku": "TEA-1", "counted": 1}] * 2}, 422, "counted_twice"),
    "whole and part": (
        {"lines": [{"sku": "TEA-1", "counted": 1}, {"sku": "TEA-1", "counted": 1, "location": "A"}]}, 422,
        "counted_twice",
    ),
    "negative": ({"lines": [{"sku": "TEA-1", "counted": -1}]}, 422, "validation_failed"),
    "absurd": ({"lines": [{"sku": "TEA-1", "counted": 10**12}]}, 422, "validation_failed"),
    "nothing": ({"lines": []}, 422, "lines_needed"),
    "no product": ({"lines": [{"sku": "NONE", "counted": 1}]}, 404, "product_not_found"),
    "no warehouse": ({"warehouse": "NONE"}, 422, "unknown_warehouse"),
    "no location": ({"lines": [{"sku": "TEA-1", "counted": 1, "location": "NONE"}]}, 422, "unknown_location"),
    "a time to come": ({"counted_at": "2999-01-01T00:00:00Z"}, 422, "invalid_count_time"),
    "no time": ({"counted_at": "at noon"}, 422, "invalid_count_time"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_count_leaves_nothing(shop: ApiClient, name: str) -> None:
    change, status, code = BAD[name]
    body = {"warehouse": "WH-EAST", "lines": [{"sku": "TEA-1", "counted": 1}], "reference": unique("C")} | change
    before = await shop.row_counts()
    answer = await shop.as_("warehouse").post("/v1/stock/counts", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_a_reference_names_one_count(shop: ApiClient) -> None:
    sku, reference = await stocked(shop), unique("C")
    await counted(shop, {"sku": sku, "counted": 9}, reference=reference)
    assert (await counted(shop, {"sku": sku, "counted": 8}, reference=reference, expect=409))["code"] == "count_exists"


async def test_counts_and_reservations_at_once_never_promise_what_is_not_there(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 40)
    counting = [counted(shop, {"sku": sku, "counted": 20}) for _ in range(4)]
    results = await asyncio.gather(*(reserve(shop, sku, 5) for _ in range(8)), *counting, return_exceptions=True)
    found = await level(shop, sku)
    counts = [one for one in results if isinstance(one, dict)]
    assert len(counts) == 4 and found["reserved"] <= found["on_hand"]
    posted = sum(one["lines"][0]["difference"] for one in counts if one["status"] == "posted")
    assert found["on_hand"] == 40 + posted
