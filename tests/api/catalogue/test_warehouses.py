"""Warehouses are listed and changed; one of them is the default."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient, unique


async def patch(shop: ApiClient, code: str, body: dict[str, Any], tag: str = "*") -> httpx.Response:
    headers = shop.as_("operations", "otto").headers | {"Idempotency-Key": unique("key"), "If-Match": tag}
    return await shop.http.patch(f"/v1/warehouses/{code}", json=body, headers=headers)


async def test_warehouses_are_listed_by_preference(shop: ApiClient) -> None:
    items = (await shop.get("/v1/warehouses")).json()["items"]
    assert [item["code"] for item in items][:3] == ["WH-EAST", "WH-SOUTH", "WH-NORTH"]
    one = await shop.get("/v1/warehouses/WH-EAST")
    assert one.json() == items[0] and one.headers["etag"] == f'"{items[0]["version"]}"'
    missing = await shop.get("/v1/warehouses/NONE")
    assert (missing.status_code, missing.json()["code"]) == (404, "warehouse_not_found")


async def test_a_change_needs_the_version_and_is_audited(shop: ApiClient) -> None:
    changed = await patch(shop, "WH-NORTH", {"name": "North 2", "priority": 40}, '"1"')
    assert (changed.status_code, changed.json()["priority"], changed.headers["etag"]) == (200, 40, '"2"')
    stale = await patch(shop, "WH-NORTH", {"name": "North 3"}, '"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "warehouse_changed")
    (entry,) = await shop.sql(
        "SELECT actor FROM audit_log WHERE action = 'warehouse_changed' AND after LIKE '%%North 2%%'"
    )
    assert entry["actor"] == "operations:otto"
    for body in ({}, {"name": ""}, {"country": "china"}, {"priority": -1}, {"is_default": False}, {"code": "X"}):
        assert (await patch(shop, "WH-NORTH", body)).status_code == 422, body


async def test_there_is_one_default_whoever_chooses_at_once(shop: ApiClient) -> None:
    answers = await asyncio.gather(
        *(patch(shop, code, {"is_default": True}) for code in ("WH-SOUTH", "WH-NORTH", "WH-SOUTH", "WH-EAST"))
    )
    assert {answer.status_code for answer in answers} == {200}
    items = (await shop.get("/v1/warehouses")).json()["items"]
    assert sum(item["is_default"] for item in items) == 1
    await patch(shop, "WH-EAST", {"is_default": True})


async def test_a_warehouse_has_an_address_for_the_carrier(shop: ApiClient) -> None:
    address = {
        "district": "天河区", "line1": "Tiyu Road 1", "postcode": "510620", "contact_name": "Wu", "phone": "+86 20 1",
    }  # fmt: skip
    changed = await patch(shop, "WH-SOUTH", address)
    assert changed.status_code == 200 and address.items() <= changed.json().items()
    for field in address:
        assert (await patch(shop, "WH-SOUTH", {field: "x" * 201})).status_code == 422, field
        assert (await patch(shop, "WH-SOUTH", {field: "a\x00"})).status_code == 422, field


async def test_the_default_warehouse_stays_active(shop: ApiClient) -> None:
    refused = await patch(shop, "WH-EAST", {"active": False})
    assert (refused.status_code, refused.json()["code"]) == (422, "default_warehouse_inactive")
    assert (await patch(shop, "WH-NORTH", {"active": False})).json()["active"] is False
    refused = await patch(shop, "WH-NORTH", {"is_default": True})
    assert (refused.status_code, refused.json()["code"]) == (422, "default_warehouse_inactive")
    assert (await patch(shop, "WH-NORTH", {"active": True})).json()["active"] is True


async def test_an_inactive_warehouse_receives_nothing_and_offers_nothing(shop: ApiClient) -> None:
    sku = unique("SKU")
    operations, keeper = shop.as_("operations"), shop.as_("warehouse")
    product = {"sku": sku, "name": "Any tea", "price_minor": 100, "currency": "CNY"}
    assert (await operations.post("/v1/products", product)).status_code == 201
    receipt = {"sku": sku, "quantity": 5, "warehouse": "WH-NORTH", "reference": unique("PO")}
    assert (await keeper.post("/v1/stock/receipts", receipt)).status_code == 201
    assert (await patch(shop, "WH-NORTH", {"active": False})).status_code == 200
    try:
        move = {"sku": sku, "quantity": 2, "reference": unique("TR")}
        for path, body in (
            ("receipts", {**receipt, "reference": unique("PO")}),
            ("transfers", {**move, "from": "WH-EAST", "to": "WH-NORTH"}),
        ):
            if path == "transfers":
                east = {**receipt, "warehouse": "WH-EAST", "reference": unique("PO")}
                assert (await keeper.post("/v1/stock/receipts", east)).status_code == 201
            refused = await keeper.post(f"/v1/stock/{path}", body)
            assert (refused.status_code, refused.json()["code"]) == (422, "warehouse_inactive"), path
        assert (await listed(shop, sku))["available"] == 5
        asked = await keeper.post("/v1/stock/transfers", {**move, "from": "WH-NORTH", "to": "WH-EAST"})
        transfer = f"/v1/stock/transfers/{asked.json()['transfer_id']}"
        for step in ("ship", "receive"):
            assert (await keeper.post(f"{transfer}/{step}", {})).status_code == 200
        counted = {"sku": sku, "quantity": -1, "warehouse": "WH-NORTH", "reason": "counted"}
        assert (await keeper.post("/v1/stock/adjustments", counted)).status_code == 201
        assert (await listed(shop, sku))["available"] == 7
    finally:
        assert (await patch(shop, "WH-NORTH", {"active": True})).status_code == 200
    assert (await listed(shop, sku))["available"] == 9


async def listed(shop: ApiClient, sku: str) -> dict[str, Any]:
    (item,) = (await shop.get("/v1/products", q=sku)).json()["items"]
    return dict(item)


@pytest.mark.parametrize("code", ["%00", "x" * 500])
async def test_what_cannot_be_a_code_is_not_found(shop: ApiClient, code: str) -> None:
    assert (await patch(shop, code, {"name": "x"})).status_code == 404
