"""Fulfilments whose promised time has passed or was moved: found in lists, and shown on the pages."""

import json
from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.console.conftest import sign_in
from tests.factories.split_orders import split

PAST, FUTURE = "2020-01-01T12:00:00Z", "2040-01-01T12:00:00Z"
_MOVED = "INSERT INTO order_events (order_no, type, actor, data) VALUES (%s, 'promise_moved', 'system', %s)"


async def late_parts(shop: ApiClient, **params: str) -> dict[str, str | None]:
    """All pages of the list: how each fulfilment is late."""
    found: dict[str, str | None] = {}
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = (await shop.get("/v1/fulfilments", limit=200, **params, **more)).json()
        found |= {one["fulfilment_id"]: one["late"] for one in page["items"]}
        cursor = page["next_cursor"]
    return found


@pytest.fixture(scope="module")
async def orders(shop: ApiClient) -> dict[str, str]:
    """One whose promise has passed, one of which a part was promised again, one in time, one that has arrived."""
    channel = unique("late")
    found = {
        "passed": await split(shop, "shipped", "delivered", promised_to=PAST, channel=channel),
        "moved": await split(shop, "booked", "booked", promised_to=FUTURE, channel=channel),
        "kept": await split(shop, "booked", "shipped", promised_to=FUTURE, channel=channel),
        "arrived": await split(shop, "delivered", "cancelled", promised_to=PAST, status="delivered", channel=channel),
    }
    await shop.sql(_MOVED, found["moved"], json.dumps({"until": FUTURE, "fulfilments": [2]}))
    return found | {"channel": channel}


async def test_the_list_says_which_fulfilments_are_late_and_how(shop: ApiClient, orders: dict[str, str]) -> None:
    expected = {f"{orders['passed']}-F1": "passed", f"{orders['moved']}-F2": "moved"}
    assert (await late_parts(shop, late="any")) == expected
    for way in ("passed", "moved"):
        assert set((await late_parts(shop, late=way)).values()) == {way}
    every = await late_parts(shop)
    assert {one: late for one, late in every.items() if late} == expected
    assert every[f"{orders['kept']}-F1"] is None
    assert await late_parts(shop, late="any", warehouse="WH-EAST") == {f"{orders['passed']}-F1": "passed"}
    assert await late_parts(shop, late="any", status="shipped") == {f"{orders['passed']}-F1": "passed"}
    assert (await shop.get("/v1/fulfilments", late="never")).status_code == 422


async def test_the_table_of_orders_finds_late_orders(shop: ApiClient, orders: dict[str, str]) -> None:
    async def found(**params: Any) -> set[str]:
        rows = (await shop.get("/v1/orders", channel=orders["channel"], **params)).json()["items"]
        return {row["order_no"] for row in rows}

    assert await found(late="any") == {orders["passed"], orders["moved"]}
    assert (await found(late="passed"), await found(late="moved")) == ({orders["passed"]}, {orders["moved"]})
    assert await found(late="any", sort="-total", warehouse="WH-SOUTH") == {orders["passed"], orders["moved"]}
    assert await found(late="any", status="delivered") == set()
    view = {"name": unique("Late"), "filters": {"late": "any"}}
    answer = await shop.as_("support", unique("amy")).post("/v1/order-views", view)
    assert (answer.status_code, answer.json()["filters"]) == (201, {"late": "any"})


async def test_the_pages_show_them(shop: ApiClient, orders: dict[str, str]) -> None:
    for language, said in (("en", "Promise has passed"), ("zh", "已过承诺时间")):
        browser = await sign_in(shop, "operations", language)
        parcels = (await browser.get("/console/fulfilment", late="any")).text
        assert said in parcels and f"{orders['passed']}-F1" in parcels and f"{orders['kept']}-F1" not in parcels
        table = (await browser.get("/console/orders", late="passed", channel=orders["channel"])).text
        assert orders["passed"] in table and orders["moved"] not in table and said in table
    assert (await browser.get("/console/orders", late="never")).status_code == 422
