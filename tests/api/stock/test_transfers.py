"""Transfers between warehouses: nothing is on two levels, nothing is lost without a case."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_stock import level, new_sku, receive, reserve
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import sign_in

EAST, SOUTH = "WH-EAST", "WH-SOUTH"


async def requested(shop: ApiClient, **more: Any) -> dict[str, Any]:
    body = {"from": EAST, "to": SOUTH, "reference": unique("T"), **more}
    answer = await shop.as_("warehouse", "wu").post("/v1/stock/transfers", body)
    assert answer.status_code == 202, answer.text
    return dict(answer.json())


async def step(shop: ApiClient, transfer_id: str, name: str, expect: int = 200, **body: Any) -> dict[str, Any]:
    answer = await shop.as_("warehouse", "wu").post(f"/v1/stock/transfers/{transfer_id}/{name}", body)
    assert answer.status_code == expect, answer.text
    return dict(answer.json())


async def on_hand(shop: ApiClient, sku: str) -> tuple[int, int]:
    return (await level(shop, sku))["on_hand"], (await level(shop, sku, SOUTH))["on_hand"]


async def stocked(shop: ApiClient, quantity: int = 10) -> str:
    sku = await new_sku(shop)
    await receive(shop, sku, quantity)
    return sku


async def test_what_is_shipped_is_on_no_level_until_it_is_received(shop: ApiClient) -> None:
    sku = await stocked(shop)
    made = await requested(shop, sku=sku, quantity=8)
    assert made["status"] == "requested" and await on_hand(shop, sku) == (10, 0)
    sent = await step(shop, made["transfer_id"], "ship")
    assert sent["status"] == "shipped" and sent["lines"][0]["in_transit"] == 8
    assert await on_hand(shop, sku) == (2, 0)
    done = await step(shop, made["transfer_id"], "receive")
    assert (done["status"], done["cases"], done["lines"][0]["in_transit"]) == ("received", [], 0)
    assert await on_hand(shop, sku) == (2, 8)
    assert (await shop.get(f"/v1/stock/transfers/{made['transfer_id']}")).json()["lines"][0]["received"] == 8


async def test_lines_of_one_sku_are_summed_and_a_part_can_be_shipped(shop: ApiClient) -> None:
    sku, other = await stocked(shop), await stocked(shop)
    lines = [{"sku": sku, "quantity": 4}, {"sku": other, "quantity": 1}, {"sku": sku, "quantity": 5}]
    made = await requested(shop, lines=lines)
    assert {line["sku"]: line["requested"] for line in made["lines"]} == {sku: 9, other: 1}
    sent = await step(shop, made["transfer_id"], "ship", lines=[{"sku": sku, "quantity": 3}])
    assert {line["sku"]: line["shipped"] for line in sent["lines"]} == {sku: 3, other: 0}
    refused = await shop.as_("warehouse").post(
        "/v1/stock/transfers", {"lines": [*lines, lines[0]], "from": EAST, "to": SOUTH, "reference": unique("T")}
    )
    assert (refused.status_code, refused.json()["code"], refused.json()["left"]) == (409, "stock_not_available", 7)


async def test_a_second_delivery_can_follow(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    await step(shop, number, "ship")
    first = await step(shop, number, "receive", lines=[{"sku": sku, "quantity": 2}], more_expected=True)
    assert (first["status"], first["lines"][0]["in_transit"], first["cases"]) == ("shipped", 4, [])
    last = await step(shop, number, "receive", lines=[{"sku": sku, "quantity": 4}], more_expected=True)
    assert last["status"] == "received" and await on_hand(shop, sku) == (4, 6)


ENDS = {"found": ((4, 6), 0), "not_sent": ((6, 4), 0), "lost": ((4, 4), 2)}


@pytest.mark.parametrize("resolution", ENDS)
async def test_what_is_missing_is_a_case_until_somebody_resolves_it(shop: ApiClient, resolution: str) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    await step(shop, number, "ship")
    got = await step(shop, number, "receive", lines=[{"sku": sku, "quantity": 4}])
    (case_id,) = got["cases"]
    assert got["status"] == "received" and got["lines"][0]["in_transit"] == 2
    found = (await shop.get("/v1/stock/cases")).json()["items"]
    (case,) = [one for one in found if one["case_id"] == case_id]
    assert (case["kind"], case["owner"], case["quantity"], case["sku"]) == ("transfer_difference", "wu", 2, sku)
    clerk, path = shop.as_("operations", "ola"), f"/v1/stock/cases/{case_id}"
    assert (await clerk.post(f"{path}/owner", {"owner": "ola"})).json()["owner"] == "ola"
    wrong = await clerk.post(f"{path}/resolve", {"resolution": "corrected", "reason": "x"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "resolution_not_possible")
    done = await clerk.post(f"{path}/resolve", {"resolution": resolution, "reason": "looked behind the rack"})
    assert (done.status_code, done.json()["state"], done.json()["resolved_by"]) == (200, "resolved", "operations:ola")
    again = await clerk.post(f"{path}/resolve", {"resolution": resolution, "reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "stock_case_resolved")
    line = (await shop.get(f"/v1/stock/transfers/{number}")).json()["lines"][0]
    levels, lost = ENDS[resolution]
    assert (await on_hand(shop, sku), line["lost"], line["in_transit"]) == (levels, lost, 0)


async def test_units_that_orders_hold_stay(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=8))["transfer_id"]
    await reserve(shop, sku, 4)
    before = await shop.row_counts()
    refused = await step(shop, number, "ship", 409)
    assert (refused["code"], refused["left"]) == ("stock_not_available", 6) and await shop.row_counts() == before
    await step(shop, number, "ship", lines=[{"sku": sku, "quantity": 6}])


BAD_REQUESTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "to itself": ({"to": EAST}, 422, "same_warehouse"),
    "to no warehouse": ({"to": "NONE"}, 422, "unknown_warehouse"),
    "from no warehouse": ({"from": "NONE"}, 422, "unknown_warehouse"),
    "of no product": ({"sku": "NONE"}, 404, "product_not_found"),
    "of nothing": ({"sku": None, "quantity": None}, 422, "sku_or_lines"),
    "of sku and lines": ({"lines": [{"sku": "TEA-1", "quantity": 1}]}, 422, "sku_or_lines"),
    "of a negative number": ({"quantity": -1}, 422, "invalid_quantity"),
    "more than is there": ({"quantity": 99_999_999}, 409, "stock_not_available"),
    "by no date": ({"expected_on": "soon"}, 422, "invalid_expected_date"),
    "by yesterday": ({"expected_on": "2020-01-01"}, 422, "invalid_expected_date"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
async def test_a_bad_transfer_leaves_nothing(shop: ApiClient, name: str) -> None:
    change, status, code = BAD_REQUESTS[name]
    body = {"sku": "TEA-1", "quantity": 1, "from": EAST, "to": SOUTH, "reference": unique("T")} | change
    before = await shop.row_counts()
    answer = await shop.as_("warehouse").post("/v1/stock/transfers", {k: v for k, v in body.items() if v is not None})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_a_reference_names_one_transfer_however_many_ask_at_once(shop: ApiClient) -> None:
    sku, warehouse = await stocked(shop, 100), shop.as_("warehouse")
    body = {"sku": sku, "quantity": 1, "from": EAST, "to": SOUTH, "reference": unique("T")}
    answers = await asyncio.gather(*(warehouse.post("/v1/stock/transfers", body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"transfer_exists"}


async def test_steps_come_in_order_and_once(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    assert (await step(shop, number, "receive", 409))["code"] == "transfer_not_possible"
    for units, code in ((7, "more_than_requested"), (0, "nothing_to_ship")):
        assert (await step(shop, number, "ship", 422, lines=[{"sku": sku, "quantity": units}]))["code"] == code
    assert (await step(shop, number, "ship", 422, lines=[{"sku": "X", "quantity": 1}]))["code"] == "not_in_transfer"
    sent = await asyncio.gather(
        *(shop.as_("warehouse").post(f"/v1/stock/transfers/{number}/ship", {}) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in sent) == [200] + [409] * 5
    assert (await step(shop, number, "cancel", 409))["code"] == "transfer_not_possible"
    more = [{"sku": sku, "quantity": 7}]
    assert (await step(shop, number, "receive", 422, lines=more))["code"] == "more_than_shipped"
    assert await on_hand(shop, sku) == (4, 0)
    assert (await step(shop, "tr_none", "ship", 404))["code"] == "transfer_not_found"


async def test_a_cancelled_transfer_leaves_the_units_where_they_are(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    assert (await step(shop, number, "cancel"))["status"] == "cancelled"
    assert (await step(shop, number, "ship", 409))["code"] == "transfer_not_possible"
    assert await on_hand(shop, sku) == (10, 0)


async def test_transfers_both_ways_at_once_and_every_one_is_in_the_audit_log(shop: ApiClient) -> None:
    sku = await stocked(shop, 100)
    await receive(shop, sku, 100, warehouse=SOUTH)
    ways = [{}, {"from": SOUTH, "to": EAST}] * 5
    numbers = [(await requested(shop, sku=sku, quantity=2, **way))["transfer_id"] for way in ways]
    await asyncio.gather(*(step(shop, number, "ship") for number in numbers))
    await asyncio.gather(*(step(shop, number, "receive") for number in numbers))
    assert await on_hand(shop, sku) == (100, 100)
    kept = await shop.sql("SELECT action, actor FROM audit_log WHERE reference = %s ORDER BY entry_id", numbers[0])
    assert [(row["action"], row["actor"]) for row in kept] == [
        ("transfer_added", "warehouse:wu"), ("transfer_changed", "warehouse:wu"), ("transfer_changed", "warehouse:wu"),
    ]  # fmt: skip


async def test_lists_have_pages_and_filters(shop: ApiClient) -> None:
    sku = await stocked(shop)
    numbers = [(await requested(shop, sku=sku, quantity=1))["transfer_id"] for _ in range(3)]
    await step(shop, numbers[0], "cancel")
    first = (await shop.get("/v1/stock/transfers", limit=1, status="requested", warehouse=SOUTH)).json()
    rest = (await shop.get("/v1/stock/transfers", limit=1, status="requested", cursor=first["next_cursor"])).json()
    assert [page["items"][0]["transfer_id"] for page in (first, rest)] == [numbers[2], numbers[1]]
    assert (await shop.get("/v1/stock/transfers", cursor="x")).json()["code"] == "invalid_cursor"


@asynccontextmanager
async def inactive(shop: ApiClient, code: str) -> AsyncIterator[None]:
    await shop.sql("UPDATE warehouses SET active = false WHERE code = %s", code)
    try:
        yield
    finally:
        await shop.sql("UPDATE warehouses SET active = true WHERE code = %s", code)


async def test_a_case_does_not_end_with_units_at_an_inactive_warehouse(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    await step(shop, number, "ship")
    (case_id,) = (await step(shop, number, "receive", lines=[{"sku": sku, "quantity": 4}]))["cases"]
    clerk, path = shop.as_("operations", "ola"), f"/v1/stock/cases/{case_id}/resolve"
    browser = await sign_in(shop, "operations")
    async with inactive(shop, SOUTH):
        refused = await clerk.post(path, {"resolution": "found", "reason": "x"})
        assert (refused.status_code, refused.json()["code"]) == (422, "resolution_warehouse_inactive")
        assert SOUTH in refused.json()["detail"]
        page = await browser.post(f"/console/stock-cases/{case_id}/resolve", resolution="found", reason="x")
        assert (page.status_code, wrong(page.text)) == (422, {"resolution"}) and "inactive" in page.text
        assert (await clerk.post(path, {"resolution": "lost", "reason": "x"})).json()["state"] == "resolved"
    assert await on_hand(shop, sku) == (4, 4)


async def test_an_inactive_warehouse_receives_no_transfer_and_the_page_says_so(shop: ApiClient) -> None:
    sku = await stocked(shop)
    number = (await requested(shop, sku=sku, quantity=6))["transfer_id"]
    await step(shop, number, "ship")
    browser = await sign_in(shop, "warehouse")
    async with inactive(shop, SOUTH):
        assert (await step(shop, number, "receive", 422))["code"] == "warehouse_inactive"
        page = await browser.post(f"/console/transfers/{number}/receive", **{f"units-{sku}": "6"})
        assert page.status_code == 422 and "This warehouse is inactive" in page.text
        nothing = [{"sku": sku, "quantity": 0}]
        (case_id,) = (await step(shop, number, "receive", lines=nothing))["cases"]
    path = f"/v1/stock/cases/{case_id}/resolve"
    done = await shop.as_("operations").post(path, {"resolution": "not_sent", "reason": "came back"})
    assert done.json()["state"] == "resolved" and await on_hand(shop, sku) == (10, 0)
