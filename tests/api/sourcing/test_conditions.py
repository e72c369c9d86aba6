"""A strategy for some categories of products or groups of customers decides their orders, and those alone."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.api.customers.test_customers import grouped
from tests.api.sourcing.test_splits import parts, reserve, warehouse
from tests.factories.order_changes import HOUSE, placed, stocked

RATES = [{"transit_from_days": 1, "transit_to_days": 2}] * 4
PLACE = {"country": "CN", "province": "广东省", "city": "广州市"}


async def categorised(shop: ApiClient, sku: str, category: str | None) -> None:
    olga = shop.as_("operations", "olga")
    body, headers = {"category": category}, {**olga.headers, "If-Match": "*", "Idempotency-Key": unique("k")}
    answer = await shop.http.patch(f"/v1/products/{sku}", json=body, headers=headers)
    assert (answer.status_code, answer.json()["category"]) == (200, category)


async def profile(shop: ApiClient, condition: dict[str, Any], *, activate: bool = True) -> int:
    """The orders of the condition ship from the least preferred warehouse that is near, all others by priority."""
    olga = shop.as_("operations", "olga")
    near = {"name": "Near", "condition": condition, "criteria": [{"kind": "region", "weight": 100}]}
    rest = {"name": "Rest", "criteria": [{"kind": "priority", "weight": 100}]}
    body = {"name": "Groups", "reason": "r", "strategies": [near, rest], "rates": RATES}
    kept = await olga.post("/v1/sourcing/profiles", body)
    assert kept.status_code == 201, kept.text
    assert kept.json()["strategies"][0]["condition"] == {
        name: condition.get(name, [])
        for name in ("countries", "provinces", "channels", "categories", "customer_groups")
    }
    version = int(kept.json()["version"])
    if activate:
        body = {"reason": "r", "accept_excluded": True}
        assert (await olga.post(f"/v1/sourcing/profiles/{version}/activate", body)).status_code == 200
    return version


async def strategy_of(shop: ApiClient, number: str) -> str:
    shown = (await shop.get(f"/v1/orders/{number}/sourcing")).json()
    return str(shown["strategy"])


def of(customer: str) -> dict[str, Any]:
    return {"customer": {"id": customer, "name": "N", "email": None, "phone": None}, "ship_to": THERE}


THERE = {**an_order()["ship_to"], **PLACE}


@pytest.mark.parametrize("split", [False, True])
async def test_one_line_of_a_category_selects_its_strategy(shop: ApiClient, split: bool) -> None:
    cup, tea = await stocked(shop, units=1 if split else 20), await stocked(shop)
    near = await warehouse(shop, cup, 5)
    category = unique("fragile")
    await categorised(shop, cup, category)
    await profile(shop, {"categories": [category]})
    for lines, expected in (([cup, tea] if split else [cup], "Near"), ([tea], "Rest")):
        number = await placed(shop, lines[0], ship_to=THERE, lines=_lines(lines, 3))
        assert await reserve(shop, number) == "pending_payment"
        assert await strategy_of(shop, number) == expected
        assert set(await parts(shop, number)) == ({HOUSE} if expected == "Rest" else {near, HOUSE} if split else {near})
    offered = (await shop.get("/v1/availability", sku=cup, quantity=1, **PLACE)).json()
    assert [one["warehouse"] for one in offered["plan"]] == [near]
    await categorised(shop, cup, None)
    other = (await shop.get("/v1/availability", sku=cup, quantity=1, **PLACE)).json()
    assert [one["warehouse"] for one in other["plan"]] == [near if split and not other["available"] else HOUSE]


async def test_the_group_of_the_customer_selects_a_strategy(shop: ApiClient) -> None:
    sku, group = await stocked(shop), unique("vip")
    near = await warehouse(shop, sku, 9)
    important, other = unique("c-vip"), unique("c")
    for customer in (important, other):
        await placed(shop, sku, quantity=1, **of(customer))
    assert (await grouped(shop, important, group))[0] == 200
    await profile(shop, {"customer_groups": [group, "wholesale"]})
    for customer, expected in ((important, near), (other, HOUSE)):
        number = await placed(shop, sku, quantity=1, **of(customer))
        assert await reserve(shop, number) == "pending_payment"
        assert list(await parts(shop, number)) == [expected]
        offer = (await shop.as_("customer", customer).get("/v1/availability", sku=sku, quantity=1, **PLACE)).json()
        assert [one["warehouse"] for one in offer["plan"]] == [expected]


async def test_a_dry_run_knows_categories_and_groups_of_past_orders(shop: ApiClient) -> None:
    sku, group = await stocked(shop), unique("vip")
    near = await warehouse(shop, sku, 9)
    await profile(shop, {"channels": [unique("none")]})
    customer, category = unique("c-vip"), unique("fragile")
    number = await placed(shop, sku, quantity=1, **of(customer))
    await reserve(shop, number)
    await categorised(shop, sku, category)
    await grouped(shop, customer, group)
    for condition in ({"categories": [category]}, {"customer_groups": [group]}):
        version = await profile(shop, condition, activate=False)
        olga = shop.as_("operations", "olga")
        found = (await olga.get(f"/v1/sourcing/profiles/{version}/dry-run", orders=1)).json()
        assert found["examples"] == [{"order_no": number, "before": [HOUSE], "after": [near]}], condition


async def test_the_last_strategy_is_for_every_category_and_group(shop: ApiClient) -> None:
    for name in ("categories", "customer_groups"):
        only = {"name": "A", "condition": {name: ["x"]}, "criteria": [{"kind": "stock", "weight": 1}]}
        body = {"name": "P", "reason": "r", "strategies": [only], "rates": RATES}
        answer = await shop.as_("operations").post("/v1/sourcing/profiles", body)
        assert (answer.status_code, answer.json()["code"]) == (422, "fallback_strategy_missing")


@pytest.mark.parametrize("bad", [[""], ["x" * 61], ["a,b"], ["a\x07"], ["x"] * 51, "x"])
async def test_a_condition_that_cannot_be_one_is_refused(shop: ApiClient, bad: object) -> None:
    only = {"name": "A", "condition": {"categories": bad}, "criteria": [{"kind": "stock", "weight": 1}]}
    rest = {"name": "B", "criteria": [{"kind": "stock", "weight": 1}]}
    body = {"name": "P", "reason": "r", "strategies": [only, rest], "rates": RATES}
    assert (await shop.as_("operations").post("/v1/sourcing/profiles", body)).status_code == 422


async def limited(shop: ApiClient, channel: str, most: int | None) -> None:
    olga = shop.as_("operations", "olga")
    answer = await olga.http.put(f"/v1/channels/{channel}", json={"max_fulfilments": most}, headers=olga.headers)
    assert (answer.status_code, answer.json()["max_fulfilments"]) == (200, most)


async def test_a_channel_says_in_how_many_parts_its_orders_ship(shop: ApiClient) -> None:
    """The setting (3) holds for the others."""
    sku, channel = await stocked(shop, units=1), unique("ch")
    for _ in range(2):
        await warehouse(shop, sku, 1)
    selling = shop.as_("channel", channel)
    for most, expected in ((1, "received"), (2, "received"), (3, "pending_payment")):
        await limited(shop, channel, most)
        body = an_order(sku, 3, channel=channel, payment=None, backorder=True)
        number = str((await selling.post("/v1/orders", body)).json()["order_no"])
        assert await reserve(shop, number) == expected, most
        assert len(await parts(shop, number)) == (3 if most == 3 else 0)
        if most < 3:
            await shop.sql("UPDATE orders SET backorder = false WHERE order_no = %s", number)


def _lines(skus: Sequence[str], quantity: int) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku in skus]
