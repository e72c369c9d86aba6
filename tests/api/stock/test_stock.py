"""Catalogue, warehouses and stock over HTTP."""

import asyncio
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique


async def new_sku(shop: ApiClient) -> str:
    sku = unique("SKU")
    product = {"sku": sku, "name": "Any tea", "price_minor": 100, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    return sku


async def level(shop: ApiClient, sku: str, warehouse: str = "WH-EAST") -> dict[str, Any]:
    items = (await shop.get(f"/v1/stock/{sku}")).json()["items"]
    return next(item for item in items if item["warehouse"] == warehouse)


async def receive(shop: ApiClient, sku: str, quantity: int, **more: Any) -> dict[str, Any]:
    body = {"sku": sku, "quantity": quantity, "reference": unique("PO"), **more}
    response = await shop.as_("warehouse").post("/v1/stock/receipts", body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def reserve(shop: ApiClient, sku: str, quantity: int) -> None:
    number = (await shop.post("/v1/orders", an_order(sku=sku))).json()["order_no"]
    await shop.sql(
        "INSERT INTO stock_movements (idempotency_key, kind, sku, warehouse, quantity, on_hand_delta, reserved_delta,"
        " order_no, actor) VALUES (%s, 'reserve', %s, 'WH-EAST', %s, 0, %s, %s, 'test')",
        *(unique("k"), sku, quantity, quantity, number),
    )


async def test_product_is_added_and_read(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    found = (await shop.get(f"/v1/products/{sku}")).json()
    assert {name: found[name] for name in ("sku", "name", "price_minor", "currency", "active", "weight_g")} == {
        "sku": sku,
        "name": "Any tea",
        "price_minor": 100,
        "currency": "CNY",
        "active": True,
        "weight_g": 500,
    }


async def test_product_twice_and_product_of_nobody(shop: ApiClient) -> None:
    product = {"sku": await new_sku(shop), "name": "Again", "price_minor": 1, "currency": "CNY"}
    before = await shop.row_counts()
    twice = await shop.as_("operations").post("/v1/products", product)
    assert (twice.status_code, twice.json()["code"]) == (409, "product_exists")
    for path in ("/v1/products/NONE", "/v1/products/%00", "/v1/stock/NONE", "/v1/stock/%00"):
        missing = await shop.get(path)
        assert (missing.status_code, missing.json()["code"]) == (404, "product_not_found"), path
    assert await shop.row_counts() == before


async def test_same_product_at_once_is_added_once(shop: ApiClient) -> None:
    product = {"sku": unique("SKU"), "name": "Once", "price_minor": 1, "currency": "CNY"}
    operations = shop.as_("operations")
    one_key = await asyncio.gather(*(operations.post("/v1/products", product, key="once") for _ in range(20)))
    assert {response.status_code for response in one_key} == {201}
    assert len({response.text for response in one_key}) <= 2  # the replay's keys may be in another order
    many_keys = await asyncio.gather(*(operations.post("/v1/products", product) for _ in range(5)))
    assert {response.status_code for response in many_keys} == {409}


async def test_warehouse_is_added_once(shop: ApiClient) -> None:
    warehouse = {
        **{"code": "WH-W", "name": "West", "country": "CN", "province": "四川省", "city": "成都市", "priority": 5},
    }
    added = await shop.as_("operations").post("/v1/warehouses", warehouse)
    assert added.status_code == 201
    nothing = dict.fromkeys(("district", "line1", "postcode", "contact_name", "phone"), "")
    own = {"kind": "warehouse", "lead_time_days": 0}
    assert added.json() == {**warehouse, **nothing, **own, "is_default": False, "active": True, "version": 1}
    twice = await shop.as_("operations").post("/v1/warehouses", warehouse)
    assert (twice.status_code, twice.json()["code"]) == (409, "warehouse_exists")


async def test_receipt_goes_to_the_default_warehouse(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    received = await receive(shop, sku, 30)
    assert (received["warehouse"], received["on_hand"], received["available"]) == ("WH-EAST", 30, 30)
    await receive(shop, sku, 5, warehouse="WH-SOUTH")
    assert await level(shop, sku) == {
        **{"warehouse": "WH-EAST", "on_hand": 30, "reserved": 0, "available": 30, "incoming": 0, "safety_stock": 0},
        "quarantined": 0,
    }
    assert (await level(shop, sku, "WH-SOUTH"))["on_hand"] == 5
    assert (await level(shop, sku, "WH-NORTH"))["on_hand"] == 0


async def test_receipt_repeated_is_one_movement(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    body = {"sku": sku, "quantity": 7, "reference": "PO-2"}
    responses = await asyncio.gather(
        *(shop.as_("warehouse").post("/v1/stock/receipts", body, key="receipt-once") for _ in range(20))
    )
    assert {response.status_code for response in responses} == {201}
    assert (await level(shop, sku))["on_hand"] == 7


async def test_a_receipt_is_booked_once_whatever_the_key(shop: ApiClient) -> None:
    sku, reference = await new_sku(shop), unique("PO")
    body, warehouse = {"sku": sku, "quantity": 7, "reference": reference}, shop.as_("warehouse")
    at_once = await asyncio.gather(*(warehouse.post("/v1/stock/receipts", body) for _ in range(8)))
    assert sorted(response.status_code for response in at_once) == [201, *[409] * 7]
    before = await shop.row_counts()
    unseen = [body | {"reference": typed} for typed in (f" {reference}", f"{reference} ", f"{reference}\u200b")]
    for again in (body, body | {"quantity": 3}, body | {"warehouse": "WH-EAST"}, *unseen):
        refused = await warehouse.post("/v1/stock/receipts", again)
        assert (refused.status_code, refused.json()["code"]) == (409, "receipt_exists")
        assert "7 units" in refused.json()["detail"] and "allow_duplicate" in refused.json()["detail"]
    assert await shop.row_counts() == before
    assert (await level(shop, sku))["on_hand"] == 7


async def test_a_receipt_is_known_by_reference_sku_and_warehouse_together(shop: ApiClient) -> None:
    sku, other, reference = await new_sku(shop), await new_sku(shop), unique("PO")
    await receive(shop, sku, 1, reference=reference)
    await receive(shop, sku, 1, reference=reference, warehouse="WH-SOUTH")
    await receive(shop, other, 1, reference=reference)
    await receive(shop, sku, 1, reference=unique("PO"))
    assert (await level(shop, sku))["on_hand"] == 2


async def test_a_receipt_repeats_where_it_is_said(shop: ApiClient) -> None:
    """What is said the first time reserves nothing: without it the same is refused afterwards."""
    sku, again = await new_sku(shop), {"reference": unique("PO"), "allow_duplicate": True}
    for units in (4, 8):
        assert (await receive(shop, sku, 4, **again))["on_hand"] == units
    plain = {"sku": sku, "quantity": 4, "reference": again["reference"]}
    refused = await shop.as_("warehouse").post("/v1/stock/receipts", plain)
    assert (refused.status_code, refused.json()["code"]) == (409, "receipt_exists")


async def test_a_receipt_wakes_the_backorders_that_it_serves(shop: ApiClient) -> None:
    sku, other = await new_sku(shop), await new_sku(shop)
    waiting = [(await shop.post("/v1/orders", an_order(sku=s))).json()["order_no"] for s in (sku, other)]
    idle = (await shop.post("/v1/orders", an_order(sku=sku))).json()["order_no"]
    await shop.sql('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = ANY(%s)', waiting)
    for units, reported in ((1, set()), (1, {waiting[0]})):
        await receive(shop, sku, units)
        woken = await shop.sql("SELECT subject FROM workflow_requests WHERE name = 'stock_arrived'")
        assert {row["subject"] for row in woken} & {*waiting, idle} == reported


async def test_adjustment_stops_at_what_is_reserved(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 10)
    await reserve(shop, sku, 4)
    warehouse = shop.as_("warehouse")
    fine = await warehouse.post("/v1/stock/adjustments", {"sku": sku, "quantity": -6, "reason": "counted"})
    assert (fine.status_code, fine.json()["on_hand"]) == (201, 4)
    before = await shop.row_counts()
    for quantity in (-1, -100):
        body = {"sku": sku, "quantity": quantity, "reason": "counted"}
        refused = await warehouse.post("/v1/stock/adjustments", body)
        assert (refused.status_code, refused.json()["code"]) == (409, "stock_not_available")
    assert await shop.row_counts() == before


BAD: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "receipt of 0": ("receipts", {"quantity": 0}, 422, "invalid_quantity"),
    "receipt of 10^12": ("receipts", {"quantity": 10**12}, 422, "invalid_quantity"),
    "receipt of an unknown SKU": ("receipts", {"sku": "NONE"}, 404, "product_not_found"),
    "receipt at an unknown warehouse": ("receipts", {"warehouse": "NONE"}, 422, "unknown_warehouse"),
    "receipt with an unknown field": ("receipts", {"price": 1}, 422, "unknown_field"),
    "adjustment of 0": ("adjustments", {"quantity": 0}, 422, "invalid_quantity"),
    "transfer to itself": ("transfers", {"from": "WH-EAST", "to": "WH-EAST"}, 422, "same_warehouse"),
    "transfer without a level": ("transfers", {"from": "WH-NORTH"}, 409, "stock_not_available"),
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_movement(shop: ApiClient, name: str) -> None:
    path, change, status, code = BAD[name]
    base: dict[str, dict[str, Any]] = {
        "receipts": {"reference": "r"},
        "adjustments": {"reason": "r"},
        "transfers": {"reference": "r", "from": "WH-EAST", "to": "WH-SOUTH"},
    }
    before = await shop.row_counts()
    body = {"sku": "TEA-2", "quantity": 1} | base[path] | change
    response = await shop.as_("warehouse").post(f"/v1/stock/{path}", body)
    assert (response.status_code, response.json()["code"]) == (status, code), response.text
    assert await shop.row_counts() == before


async def test_a_product_is_sold_in_an_active_currency(shop: ApiClient) -> None:
    operations = shop.as_("operations")
    for currency, status in (("ABC", 422), ("XXX", 422), ("DEM", 422), ("XOF", 201), ("CLF", 201)):
        product = {"sku": f"P-{currency}", "name": "x", "price_minor": 1, "currency": currency}
        answer = await operations.post("/v1/products", product)
        assert answer.status_code == status
        assert status == 201 or answer.json()["code"] == "unknown_currency"
