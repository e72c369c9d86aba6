"""Fulfilments over HTTP: those of an order, and lists for a warehouse."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient
from tests.factories.order_changes import HOUSE, placed, reserved, stocked
from tests.factories.split_orders import split


@pytest.fixture
async def staff(api: ApiClient) -> ApiClient:
    return api.as_("admin")


async def an_order_with_stock(staff: ApiClient) -> tuple[str, str]:
    sku = await stocked(staff)
    number = await placed(staff, sku)
    await reserved(staff, number)
    return number, sku


async def of(staff: ApiClient, number: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await staff.get(f"/v1/orders/{number}")).json()["fulfilments"]
    return found


async def test_an_order_names_the_parts_in_which_it_ships(staff: ApiClient) -> None:
    number, sku = await an_order_with_stock(staff)
    part = {"fulfilment_id": f"{number}-F1", "number": 1, "warehouse": HOUSE, "status": "reserved", "kind": "parcel"}
    part |= {"lines": [{"line_no": 1, "sku": sku, "quantity": 3}], "shipment_id": None, "promised_to": None}
    assert await of(staff, number) == [part]
    # An order from before has no row of it.
    await staff.sql("DELETE FROM fulfilment_lines WHERE order_no = %s", number)
    await staff.sql("DELETE FROM fulfilments WHERE order_no = %s", number)
    assert await of(staff, number) == [part]


async def test_an_order_without_stock_has_no_part(staff: ApiClient) -> None:
    assert await of(staff, await placed(staff, await stocked(staff))) == []


async def test_the_warehouse_lists_what_it_is_to_ship(staff: ApiClient) -> None:
    numbers = [(await an_order_with_stock(staff))[0] for _ in range(3)]
    cursor, found = None, []
    while True:
        query = {"warehouse": HOUSE, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await staff.get("/v1/fulfilments", **query)).json()
        found += [part["order_no"] for part in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == sorted(found)
    assert set(numbers) <= set(found)


async def test_a_list_has_the_status_and_warehouse_that_are_asked_for(staff: ApiClient) -> None:
    number, _ = await an_order_with_stock(staff)
    await staff.sql("UPDATE fulfilments SET status = 'delivered' WHERE order_no = %s", number)

    async def listed(**query: str) -> bool:
        items = (await staff.get("/v1/fulfilments", limit=200, **query)).json()["items"]
        return number in [part["order_no"] for part in items]

    assert await listed(status="delivered", warehouse=HOUSE)
    assert not await listed()
    assert not await listed(status="booked")
    assert not await listed(status="delivered", warehouse="WH-ELSEWHERE")


@pytest.mark.parametrize("query", [{"status": "gone"}, {"limit": 0}, {"cursor": "x"}, {"warehouse": "a" * 100}])
async def test_a_list_that_cannot_be_is_refused(staff: ApiClient, query: dict[str, Any]) -> None:
    answer = await staff.get("/v1/fulfilments", **query)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text


async def test_a_cancellation_is_offered_until_the_first_part_has_left(staff: ApiClient) -> None:
    number, _ = await an_order_with_stock(staff)
    await staff.sql(
        "INSERT INTO fulfilments (fulfilment_id, order_no, number, warehouse, status)"
        " VALUES (%s || '-F2', %s, 2, %s, 'reserved')",
        number,
        number,
        HOUSE,
    )

    async def offered() -> bool:
        return "cancel" in (await staff.get(f"/v1/orders/{number}")).json()["allowed_actions"]

    assert await offered()
    for status, cancellable in (("shipped", False), ("delivered", False), ("failed", True)):
        await staff.sql("UPDATE fulfilments SET status = %s WHERE order_no = %s AND number = 2", status, number)
        assert await offered() is cancellable, status


async def test_the_preview_of_a_cancellation_is_refused_once_a_part_has_left(shop: ApiClient) -> None:
    support = shop.as_("support", "amy")
    gone, here = await split(shop, "shipped", "planned"), await split(shop, "booked", "planned")
    for number, expected in ((gone, 409), (here, 200)):
        answer = await support.post(f"/v1/orders/{number}/cancel?preview=true", {"reason": "customer_request"})
        assert answer.status_code == expected, answer.text
    refused = await support.post(f"/v1/orders/{gone}/cancel?preview=true", {"reason": "customer_request"})
    assert refused.json()["code"] == "parcel_on_its_way"
