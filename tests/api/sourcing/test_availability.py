"""Availability: what could be sent where and when, decided as an order would be; bad questions are refused by field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, unique

NEAR = {"country": "CN", "province": "上海市", "city": "上海市"}


@pytest.fixture(scope="module")
async def houses(shop: ApiClient) -> dict[str, str]:
    """Two warehouses, one in the city and one in another province."""
    codes = {"near": unique("NEAR"), "far": unique("FAR")}
    for code, place in ((codes["near"], ("上海市", "上海市")), (codes["far"], ("广东省", "广州市"))):
        body = {"code": code, "name": code, "country": "CN", "province": place[0], "city": place[1]}
        answer = await shop.as_("operations").post("/v1/warehouses", body)
        assert answer.status_code == 201, answer.text
    return codes


async def receive(shop: ApiClient, sku: str, warehouse: str, quantity: int) -> None:
    body = {"sku": sku, "quantity": quantity, "reference": unique("r"), "warehouse": warehouse}
    answer = await shop.as_("warehouse").post("/v1/stock/receipts", body)
    assert answer.status_code == 201, answer.text


async def a_product(shop: ApiClient, **changed: Any) -> str:
    sku = unique("AV")
    body = {"sku": sku, "name": "Tea", "price_minor": 100, "currency": "CNY"} | changed
    assert (await shop.as_("operations").post("/v1/products", body)).status_code == 201
    return sku


async def test_a_promise_has_dates_and_a_plan(shop: ApiClient, houses: dict[str, str]) -> None:
    sku = await a_product(shop)
    await receive(shop, sku, houses["near"], 3)
    await receive(shop, sku, houses["far"], 5)
    answer = (await shop.as_("customer", "c-17").get("/v1/availability", sku=sku, quantity=3, **NEAR)).json()
    assert answer["available"] is True
    (part,) = answer["plan"]
    assert (part["warehouse"], part["quantity"]) == (houses["near"], 3)
    now, ships_by = datetime.now(UTC), datetime.fromisoformat(part["ships_by"])
    assert now - timedelta(minutes=5) < ships_by <= now + timedelta(days=1)
    assert part["arrives_by"] == answer["promised_to"] >= answer["promised_from"] > part["ships_by"]


async def test_what_one_warehouse_lacks_comes_from_two_and_as_late_as_the_later_part(
    shop: ApiClient, houses: dict[str, str]
) -> None:
    sku = await a_product(shop)
    await receive(shop, sku, houses["near"], 3)
    await receive(shop, sku, houses["far"], 5)
    answer = (await shop.get("/v1/availability", sku=sku, quantity=8, **NEAR)).json()
    assert {part["warehouse"]: part["quantity"] for part in answer["plan"]} == {houses["near"]: 3, houses["far"]: 5}
    assert answer["promised_to"] == max(part["arrives_by"] for part in answer["plan"])
    short = (await shop.get("/v1/availability", sku=sku, quantity=9, **NEAR)).json()
    assert (short["available"], short["promised_from"], short["promised_to"]) == (False, None, None)
    assert sum(part["quantity"] for part in short["plan"]) == 8


async def expect(shop: ApiClient, sku: str, warehouse: str, quantity: int, days: int) -> None:
    """A purchase order whose goods arrive in so many days."""
    day = datetime.now(UTC).date() + timedelta(days=days)
    body = {
        "number": unique("PO"), "supplier": "Tea Ltd", "warehouse": warehouse, "expected_on": f"{day}",
        "lines": [{"sku": sku, "quantity": quantity}],
    }  # fmt: skip
    answer = await shop.as_("operations").post("/v1/purchase-orders", body)
    assert answer.status_code == 201, answer.text


async def test_what_is_on_its_way_is_promised_with_its_date(shop: ApiClient, houses: dict[str, str]) -> None:
    sku = await a_product(shop)
    await receive(shop, sku, houses["near"], 3)
    await expect(shop, sku, houses["near"], 4, days=10)
    now = (await shop.get("/v1/availability", sku=sku, quantity=3, **NEAR)).json()
    assert (now["available"], now["backorder"]) == (True, False)
    later = (await shop.get("/v1/availability", sku=sku, quantity=5, **NEAR)).json()
    assert (later["available"], later["backorder"]) == (True, True)
    (part,) = later["plan"]
    days = (datetime.fromisoformat(part["ships_by"]).date() - datetime.now(UTC).date()).days
    assert (part["quantity"], days) == (5, 11)
    # An order that waits has them first.
    order = an_order(sku, 4) | {"backorder": True, "payment": None}
    number = (await shop.post("/v1/orders", order)).json()["order_no"]
    await shop.sql('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', number)
    assert (await shop.get("/v1/availability", sku=sku, quantity=5, **NEAR)).json()["available"] is False
    await expect(shop, sku, houses["far"], 9, days=20)
    far = (await shop.get("/v1/availability", sku=sku, quantity=5, **NEAR)).json()
    assert [one["warehouse"] for one in far["plan"]] == [houses["far"]]


async def test_what_is_not_on_sale_is_not_available(shop: ApiClient, houses: dict[str, str]) -> None:
    sku = await a_product(shop, active=False)
    await receive(shop, sku, houses["near"], 3)
    answer = (await shop.get("/v1/availability", sku=sku, country="CN")).json()
    nothing = {"available": False, "backorder": False, "promised_from": None, "promised_to": None, "plan": []}
    assert answer == nothing


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"quantity": "0"}, 422, "invalid_quantity", "quantity"),
        ({"quantity": "-1"}, 422, "invalid_quantity", "quantity"),
        ({"quantity": "1e9"}, 422, "invalid_quantity", "quantity"),
        ({"quantity": "99999999999999999999"}, 422, "invalid_quantity", "quantity"),
        ({"country": "China"}, 422, "validation_failed", "country"),
        ({"country": "cn"}, 422, "validation_failed", "country"),
        ({"country": None}, 422, "validation_failed", "country"),
        ({"sku": None}, 422, "validation_failed", "sku"),
        ({"sku": "x" * 65}, 422, "validation_failed", "sku"),
        ({"city": "\u202e"}, 422, "invalid_text", "city"),
        ({"sku": "NOBODY-HAS-IT"}, 404, "product_not_found", ""),
    ],
)
async def test_a_bad_question_is_refused_at_its_field(
    shop: ApiClient, changed: dict[str, Any], status: int, code: str, field: str
) -> None:
    asked = {"sku": "TEA-1", "quantity": "1", **NEAR} | changed
    answer = await shop.get("/v1/availability", **{name: value for name, value in asked.items() if value is not None})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if field:
        assert [error["field"] for error in answer.json()["errors"]] == [f"query.{field}"]
