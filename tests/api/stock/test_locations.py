"""Locations: their levels and what is not placed are the warehouse's level, whoever takes units."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_counts import counted, on_hand
from tests.api.stock.test_stock import new_sku
from tests.api.stock.test_transfers import requested, step, stocked
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import sign_in


async def located(shop: ApiClient, sequence: int = 0, **more: Any) -> str:
    body = {"warehouse": "WH-EAST", "code": unique("A"), "sequence": sequence, **more}
    answer = await shop.as_("operations").post("/v1/locations", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["code"])


async def moved(
    shop: ApiClient, sku: str, units: int, source: str | None, target: str | None, expect: int = 201
) -> Any:
    named = {name: code for name, code in (("from", source), ("to", target)) if code}
    body = {"warehouse": "WH-EAST", "sku": sku, "quantity": units, "reference": "put away", **named}
    answer = await shop.as_("warehouse").post("/v1/stock/moves", body)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def walk(shop: ApiClient, sku: str) -> list[tuple[str | None, int]]:
    items = (await shop.get(f"/v1/stock/{sku}/locations", warehouse="WH-EAST")).json()["items"]
    return [(one["location"], one["on_hand"]) for one in items]


async def test_units_are_put_away_and_found_in_walking_order(shop: ApiClient) -> None:
    sku, far, near = await stocked(shop), await located(shop, 20), await located(shop, 10)
    assert await walk(shop, sku) == [(None, 10)]
    await moved(shop, sku, 4, None, far)
    await moved(shop, sku, 3, None, near)
    assert await walk(shop, sku) == [(near, 3), (far, 4), (None, 3)]
    await moved(shop, sku, 2, far, near)
    await moved(shop, sku, 1, far, None)
    assert await walk(shop, sku) == [(near, 5), (far, 1), (None, 4)] and await on_hand(shop, sku) == 10


async def test_what_leaves_the_warehouse_leaves_the_unplaced_first_and_then_in_walking_order(shop: ApiClient) -> None:
    sku, far, near = await stocked(shop), await located(shop, 20), await located(shop, 10)
    await moved(shop, sku, 4, None, far)
    await moved(shop, sku, 3, None, near)
    number = (await requested(shop, sku=sku, quantity=8))["transfer_id"]
    await step(shop, number, "ship")
    assert await walk(shop, sku) == [(far, 2)] and await on_hand(shop, sku) == 2
    kept = await shop.sql("SELECT location, delta, kind FROM location_movements WHERE sku = %s AND kind = 'taken'", sku)
    assert {(row["location"], row["delta"]) for row in kept} == {(near, -3), (far, -2)}


async def test_a_location_is_counted_alone(shop: ApiClient) -> None:
    sku, first, second = await stocked(shop), await located(shop, 1), await located(shop, 2)
    await moved(shop, sku, 4, None, first)
    await moved(shop, sku, 4, None, second)
    lines = [{"sku": sku, "counted": 3, "location": first}, {"sku": sku, "counted": 6, "location": second}]
    count = await counted(shop, *lines)
    assert {one["location"]: one["difference"] for one in count["lines"]} == {first: -1, second: 2}
    assert await walk(shop, sku) == [(first, 3), (second, 6), (None, 2)] and await on_hand(shop, sku) == 11


async def test_no_location_has_less_than_nothing_however_many_take(shop: ApiClient) -> None:
    sku, place = await stocked(shop), await located(shop)
    await moved(shop, sku, 5, None, place)
    taken = [shop.as_("warehouse").post("/v1/stock/moves", {
        "warehouse": "WH-EAST", "sku": sku, "quantity": 1, "from": place, "reference": "r",
    }) for _ in range(8)]  # fmt: skip
    answers = await asyncio.gather(*taken)
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 3
    assert await walk(shop, sku) == [(None, 10)]


async def patched(shop: ApiClient, code: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"Idempotency-Key": unique("key"), **shop.as_("operations", "ola").headers}
    return await shop.http.patch(f"/v1/locations/WH-EAST/{code}", json=body, headers=headers)


async def changed(shop: ApiClient, code: str, expect: int = 200, **body: Any) -> Any:
    answer = await patched(shop, code, body)
    assert answer.status_code == expect, answer.text
    return answer.json()


async def test_a_location_is_renamed_and_moved_in_the_walk(shop: ApiClient) -> None:
    code = await located(shop, 3, zone="Z")
    found = await changed(shop, code, name="Cold room, left", sequence=9)
    assert (found["name"], found["zone"], found["sequence"], found["active"]) == ("Cold room, left", "Z", 9, True)
    assert (await changed(shop, code, 422))["code"] == "nothing_to_change"
    assert (await changed(shop, code, 422, sequence=-1))["code"] == "validation_failed"
    assert (await changed(shop, "NONE", 404, zone="Y"))["code"] == "location_not_found"
    kept = await shop.sql("SELECT actor FROM audit_log WHERE action = 'location_changed' AND reference = %s", code)
    assert [row["actor"] for row in kept] == ["operations:ola"]


async def test_only_an_empty_location_is_closed_and_a_closed_one_takes_nothing(shop: ApiClient) -> None:
    sku, code, other = await stocked(shop), await located(shop), await located(shop)
    await moved(shop, sku, 4, None, code)
    refused = await changed(shop, code, 409, active=False)
    assert (refused["code"], refused["units"]) == ("location_not_empty", 4)
    await moved(shop, sku, 4, code, other)
    assert (await changed(shop, code, active=False))["active"] is False
    assert (await moved(shop, sku, 1, other, code, 422))["code"] == "location_closed"
    line = {"sku": sku, "counted": 1, "location": code}
    assert (await counted(shop, line, expect=422))["code"] == "location_closed"
    body = {"sku": sku, "quantity": 1, "reference": unique("DN"), "warehouse": "WH-EAST", "location": code}
    late = await shop.as_("warehouse").post("/v1/stock/receipts", body)
    assert (late.status_code, late.json()["code"]) == (422, "location_closed") and await on_hand(shop, sku) == 10
    await changed(shop, code, active=True)
    await moved(shop, sku, 1, other, code)


async def test_a_location_is_closed_or_filled_never_both(shop: ApiClient) -> None:
    sku, places = await stocked(shop, 20), [await located(shop) for _ in range(6)]
    warehouse = shop.as_("warehouse")
    put = {"warehouse": "WH-EAST", "sku": sku, "quantity": 1, "reference": "r"}
    fills = [warehouse.post("/v1/stock/moves", put | {"to": code}) for code in places]
    closes = [patched(shop, code, {"active": False}) for code in places]
    answers = await asyncio.gather(*(one for pair in zip(fills, closes, strict=True) for one in pair))
    assert {answer.status_code for answer in answers} <= {200, 201, 409, 422}
    listed = (await shop.get("/v1/locations", warehouse="WH-EAST")).json()["items"]
    mine = [(one["active"], one["units"]) for one in listed if one["code"] in places]
    assert len(mine) == 6 and set(mine) <= {(True, 1), (False, 0)}


async def test_what_arrives_is_put_where_a_person_says(shop: ApiClient) -> None:
    sku, code = await new_sku(shop), await located(shop)
    body = {"sku": sku, "quantity": 3, "reference": unique("DN"), "warehouse": "WH-EAST", "location": code}
    answer = await shop.as_("warehouse").post("/v1/stock/receipts", body)
    assert answer.status_code == 201 and await walk(shop, sku) == [(code, 3)]
    (arrival,) = (await shop.get(f"/v1/stock/{sku}/movements")).json()["items"]
    assert (arrival["kind"], arrival["location"]) == ("receipt", code)
    unknown = await shop.as_("warehouse").post("/v1/stock/receipts", body | {"location": "NONE", "reference": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_location") and await on_hand(shop, sku) == 3
    number = (await requested(shop, sku=sku, quantity=2, **{"from": "WH-EAST", "to": "WH-SOUTH"}))["transfer_id"]
    await step(shop, number, "ship")
    assert (await step(shop, number, "receive", 422, location=code))["code"] == "unknown_location"
    south = await located(shop, warehouse="WH-SOUTH")
    await step(shop, number, "receive", location=south)
    items = (await shop.get(f"/v1/stock/{sku}/locations", warehouse="WH-SOUTH")).json()["items"]
    assert [(one["location"], one["on_hand"]) for one in items] == [(south, 2)]


async def test_locations_are_named_and_closed_on_their_pages(shop: ApiClient) -> None:
    sku, code = await new_sku(shop), await located(shop)
    browser = await sign_in(shop, "warehouse")
    arrived = {"warehouse": "WH-EAST", "quantity": "3", "reference": unique("DN")}
    bad = await browser.post(f"/console/products/{sku}/stock/receipt", location="NONE", **arrived)
    assert (bad.status_code, wrong(bad.text)) == (422, {"receipt-location"}) and 'value="NONE"' in bad.text
    assert (await browser.post(f"/console/products/{sku}/stock/receipt", location=code, **arrived)).status_code == 303
    assert f"WH-EAST · {code}" in (await browser.get(f"/console/products/{sku}")).text
    page, fields = f"/console/locations/WH-EAST/{code}", {"name": "Cold room", "zone": "B", "sequence": "7"}
    full = await browser.post(page, active="0", **fields)
    assert (full.status_code, wrong(full.text)) == (409, {"active"}) and 'value="Cold room"' in full.text
    assert wrong((await browser.post(page, **(fields | {"sequence": "x"}))).text) == {"sequence"}
    await moved(shop, sku, 3, code, None)
    assert (await browser.post(page, active="0", **fields)).status_code == 303
    listed = (await browser.get("/console/locations", warehouse="WH-EAST")).text
    assert "Cold room" in listed and "Closed" in listed
    chinese = await sign_in(shop, "warehouse", "zh")
    assert "已关闭" in (await chinese.get(page)).text and (await browser.get(f"{page}-none")).status_code == 404
    assert (await (await sign_in(shop, "support")).get(page)).status_code == 403


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "to the same": ({"from": "X-1", "to": "X-1"}, 422, "same_location"),
    "nowhere": ({}, 422, "same_location"),
    "to none": ({"to": "NONE"}, 422, "unknown_location"),
    "of none": ({"sku": "NONE", "to": "X-1"}, 404, "product_not_found"),
    "elsewhere": ({"warehouse": "NONE", "to": "X-1"}, 422, "unknown_warehouse"),
    "negative": ({"quantity": -1, "to": "X-1"}, 422, "invalid_quantity"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_move_leaves_nothing(shop: ApiClient, name: str) -> None:
    change, status, code = BAD[name]
    body = {"warehouse": "WH-EAST", "sku": "TEA-1", "quantity": 1, "reference": "r"} | change
    before = await shop.row_counts()
    answer = await shop.as_("warehouse").post("/v1/stock/moves", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_locations_are_added_and_used_on_their_page(shop: ApiClient) -> None:
    sku, code = await stocked(shop), unique("B")
    browser = await sign_in(shop, "warehouse")
    bad = await browser.post("/console/locations/add", warehouse="WH-EAST", code=" ", sequence="-1")
    assert (bad.status_code, wrong(bad.text)) == (422, {"add-code", "add-sequence"})
    assert (await browser.post("/console/locations/add", warehouse="WH-EAST", code=code)).status_code == 303
    twice = await browser.post("/console/locations/add", warehouse="WH-EAST", code=code)
    assert (twice.status_code, wrong(twice.text)) == (409, {"add-code"})
    fields = {"warehouse": "WH-EAST", "sku": sku, "to": code, "reference": "put away"}
    much = await browser.post("/console/locations/move", quantity="11", **fields)
    assert (much.status_code, wrong(much.text)) == (409, {"move-quantity"})
    assert (await browser.post("/console/locations/move", quantity="4", **fields)).status_code == 303
    assert await walk(shop, sku) == [(code, 4), (None, 6)]
    chinese = await sign_in(shop, "support", "zh")
    page = await chinese.get("/console/locations", warehouse="WH-EAST")
    assert "库位" in page.text and code in page.text
    assert (await chinese.post("/console/locations/add")).status_code == 403
