"""Each bad input: its code, its status, and nothing written in any table."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from infra.security.tokens import issue
from tests.api.conftest import TOKEN_SECRET, ApiClient, an_order


async def assert_refused(
    shop: ApiClient, response: httpx.Response, status: int, code: str, before: dict[str, int]
) -> None:
    problem = response.json()
    assert (response.status_code, problem["code"]) == (status, code), response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert problem["status"] == status and problem["title"] and problem["type"].startswith("urn:")
    assert await shop.row_counts() == before


LINE = {"sku": "TEA-1", "quantity": 1}
SHIP_TO = an_order()["ship_to"]
BAD_ORDERS: dict[str, tuple[dict[str, Any], int, str]] = {
    "unknown SKU": ({"lines": [{"sku": "NONE", "quantity": 1}]}, 422, "unknown_sku"),
    "inactive product": ({"lines": [{"sku": "OLD-1", "quantity": 1}]}, 422, "product_inactive"),
    "quantity 0": ({"lines": [{"sku": "TEA-1", "quantity": 0}]}, 422, "invalid_quantity"),
    "quantity negative": ({"lines": [{"sku": "TEA-1", "quantity": -1}]}, 422, "invalid_quantity"),
    "quantity 10^12": ({"lines": [{"sku": "TEA-1", "quantity": 10**12}]}, 422, "invalid_quantity"),
    "quantity 10^30": ({"lines": [{"sku": "TEA-1", "quantity": 10**30}]}, 422, "invalid_quantity"),
    "quantity a fraction": ({"lines": [{"sku": "TEA-1", "quantity": 1.5}]}, 422, "invalid_quantity"),
    "quantity a text": ({"lines": [{"sku": "TEA-1", "quantity": "1"}]}, 422, "invalid_quantity"),
    "quantity true": ({"lines": [{"sku": "TEA-1", "quantity": True}]}, 422, "invalid_quantity"),
    "lines that only together are too many": (
        {"lines": [{"sku": "TEA-1", "quantity": 600_000}, {"sku": "TEA-1", "quantity": 600_000}]},
        422,
        "invalid_quantity",
    ),
    "another currency": ({"currency": "USD"}, 422, "currency_mismatch"),
    "a currency that is none": ({"currency": "ABC"}, 422, "unknown_currency"),
    "the code for no currency": ({"currency": "XXX"}, 422, "unknown_currency"),
    "a currency that was withdrawn": ({"currency": "HRK"}, 422, "unknown_currency"),
    "no currency at all": ({"currency": "Yuan"}, 422, "validation_failed"),
    "a named price": (
        {"lines": [{"sku": "TEA-1", "quantity": 1, "unit_price_minor": 1}]},
        422,
        "price_not_accepted",
    ),
    "empty order": ({"lines": []}, 422, "empty_order"),
    "1,000 lines": ({"lines": [LINE] * 1000}, 422, "too_many_lines"),
    "unknown field": ({"discount": 50}, 422, "unknown_field"),
    "unknown field deep": ({"lines": [LINE | {"colour": "red"}]}, 422, "unknown_field"),
    "NUL in a note": ({"note": "a\x00b"}, 422, "invalid_text"),
    "NUL in a name": ({"ship_to": SHIP_TO | {"name": "a\x00"}}, 422, "invalid_text"),
    "NUL in a SKU": ({"lines": [{"sku": "TEA\x001", "quantity": 1}]}, 422, "invalid_text"),
    "escape sequence in a note": ({"note": "\x1b[2J"}, 422, "invalid_text"),
    "line break in a name": ({"ship_to": SHIP_TO | {"line1": "a\nb"}}, 422, "invalid_text"),
    "note of 100,000 characters": ({"note": "x" * 100_000}, 422, "note_too_long"),
    "a name of spaces": ({"ship_to": SHIP_TO | {"name": "   "}}, 422, "blank_text"),
    "a note of zero-width signs": ({"note": "\u200b\u200d"}, 422, "blank_text"),
    "a name that turns its direction": ({"ship_to": SHIP_TO | {"name": "Li\u202e"}}, 422, "invalid_text"),
    "a customer id with a slash": ({"customer": {"id": "c/1", "name": "x"}}, 422, "invalid_id"),
    "unknown payment method": ({"payment": {"method": "cash", "token": "t"}}, 422, "unknown_payment_method"),
    "unknown type": ({"type": "gift"}, 422, "validation_failed"),
    "no customer": ({"customer": None}, 422, "validation_failed"),
    "not an e-mail address": (
        {"customer": {"id": "c-17", "name": "x", "email": "nowhere", "phone": None}},
        422,
        "validation_failed",
    ),
}


@pytest.mark.parametrize("name", BAD_ORDERS)
async def test_bad_order(shop: ApiClient, name: str) -> None:
    change, status, code = BAD_ORDERS[name]
    before = await shop.row_counts()
    response = await shop.post("/v1/orders", an_order(**change))
    await assert_refused(shop, response, status, code, before)


async def test_total_beyond_what_one_order_may_cost(shop: ApiClient) -> None:
    lines = [{"sku": "TEA-1", "quantity": 1_000_000, "unit_price_minor": 10**12}]
    before = await shop.row_counts()
    response = await shop.as_("channel", "web").post("/v1/orders", an_order(lines=lines))
    await assert_refused(shop, response, 422, "total_out_of_range", before)


BAD_BODIES: dict[str, tuple[bytes, int, str]] = {
    "broken JSON": (b'{"channel": "web",', 400, "invalid_json"),
    "empty body": (b"", 400, "invalid_json"),
    "NaN": (b'{"channel": NaN}', 400, "invalid_json"),
    "not UTF-8": (b'{"channel": "\xff\xfe"}', 400, "invalid_json"),
    "very deep": (b"[" * 50_000 + b"]" * 50_000, 400, "invalid_json"),
    "a list": (b"[]", 422, "validation_failed"),
    "null": (b"null", 422, "validation_failed"),
    "lone surrogate": (json.dumps(an_order(note="\ud800")).encode(), 422, "invalid_text"),
    "lone surrogate as a key": (b'{"\\udfff": 1}', 422, "invalid_text"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
async def test_bad_body(shop: ApiClient, name: str) -> None:
    body, status, code = BAD_BODIES[name]
    before = await shop.row_counts()
    response = await shop.post("/v1/orders", content=body, headers={"Content-Type": "application/json"})
    await assert_refused(shop, response, status, code, before)


async def test_body_of_10_mb_by_its_length(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await shop.post("/v1/orders", content=b" " * 10_000_000)
    await assert_refused(shop, response, 413, "body_too_large", before)


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/webhooks/sandbox"])
async def test_body_of_10_mb_without_a_length(shop: ApiClient, path: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 100_000

    before = await shop.row_counts()
    response = await shop.post(path, content=chunks())
    assert "content-length" not in response.request.headers
    await assert_refused(shop, response, 413, "body_too_large", before)


async def test_values_are_not_repeated_to_the_caller(shop: ApiClient) -> None:
    customer = {"id": "c-17", "name": "x" * 300, "email": "private at example", "phone": "1"}
    response = await shop.post("/v1/orders", an_order(customer=customer) | {"customer ssn 123": "456-secret"})
    for value in ("xxx", "private", "456-secret", "ssn"):
        assert value not in response.text
    assert {error["field"] for error in response.json()["errors"]} >= {"customer.name", "customer.email"}


async def test_no_token(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await ApiClient(shop.app, shop.http, shop.owner_url).post("/v1/orders", an_order())
    await assert_refused(shop, response, 401, "token_missing", before)
    assert response.headers["www-authenticate"] == "Bearer"


BAD_TOKENS = {
    "expired": (issue(TOKEN_SECRET, "support", "amy", -1), "token_expired"),
    "forged": (issue("another secret, just as long as ours is", "admin", "amy", 600), "token_invalid"),
    "not a token": ("abc.def.ghi", "token_invalid"),
    "unsigned": ("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbXkiLCJyb2xlIjoiYWRtaW4ifQ.", "token_invalid"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
async def test_bad_token(shop: ApiClient, name: str) -> None:
    token, code = BAD_TOKENS[name]
    before = await shop.row_counts()
    stranger = ApiClient(shop.app, shop.http, shop.owner_url, {"Authorization": f"Bearer {token}"})
    response = await stranger.post("/v1/orders", an_order())
    await assert_refused(shop, response, 401, code, before)
    assert "www-authenticate" in response.headers


@pytest.mark.parametrize("order_no", ["0000000000000000000", "nonsense", "%00", "../../etc", "4A5B6C-7D8E9F-0G1H2X"])
async def test_order_number_of_nobody(shop: ApiClient, order_no: str) -> None:
    response = await shop.get(f"/v1/orders/{order_no}")
    assert response.status_code == 404
    assert response.json()["code"] in ("order_not_found", "not_found")


async def test_another_customers_order_is_not_there(shop: ApiClient) -> None:
    number = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    stranger = shop.as_("customer", "c-99")
    before = await shop.row_counts()
    for path, body in (("cancel", {"reason": "x"}), ("payments", {"method": "sandbox", "token": "tok_ok"})):
        response = await stranger.post(f"/v1/orders/{number}/{path}", body)
        await assert_refused(shop, response, 404, "order_not_found", before)


async def test_customer_orders_for_another(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await shop.as_("customer", "c-99").post("/v1/orders", an_order())
    await assert_refused(shop, response, 403, "customer_mismatch", before)


async def test_channel_sends_another_channels_order(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await shop.as_("channel", "wholesale").post("/v1/orders", an_order())
    await assert_refused(shop, response, 403, "channel_mismatch", before)


async def test_external_ref_twice(shop: ApiClient) -> None:
    assert (await shop.post("/v1/orders", an_order(external_ref="twice"))).status_code == 201
    before = await shop.row_counts()
    response = await shop.post("/v1/orders", an_order(external_ref="twice"))
    await assert_refused(shop, response, 409, "external_ref_exists", before)


async def test_idempotency_key_missing(shop: ApiClient) -> None:
    before = await shop.row_counts()
    response = await shop.http.post("/v1/orders", json=an_order(), headers=shop.headers)
    await assert_refused(shop, response, 400, "idempotency_key_missing", before)


@pytest.mark.parametrize("key", ["x" * 256, "tab\tin it", "caf\xe9"])
async def test_idempotency_key_that_is_none(shop: ApiClient, key: str) -> None:
    before = await shop.row_counts()
    headers = {b"Idempotency-Key": key.encode("latin-1"), b"Authorization": shop.headers["Authorization"].encode()}
    response = await shop.http.post("/v1/orders", json=an_order(), headers=headers)
    await assert_refused(shop, response, 400, "idempotency_key_invalid", before)


async def test_idempotency_key_reused_with_another_body(shop: ApiClient) -> None:
    assert (await shop.post("/v1/orders", an_order(), key="reused")).status_code == 201
    before = await shop.row_counts()
    response = await shop.post("/v1/orders", an_order(quantity=9), key="reused")
    await assert_refused(shop, response, 422, "idempotency_key_reused", before)


BAD_QUERIES = {
    "limit=0": "validation_failed",
    "limit=201": "validation_failed",
    "status=lost": "validation_failed",
    "sort=price": "validation_failed",
    "created_from=yesterday": "invalid_time",
    "cursor=abc": "invalid_cursor",
    "cursor=W10": "invalid_cursor",
    "cursor=%00": "invalid_cursor",
    "q=%00": "invalid_text",
    "channel=%00": "invalid_text",
}


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_bad_query(shop: ApiClient, query: str) -> None:
    response = await shop.http.get(f"/v1/orders?{query}", headers=shop.headers)
    assert (response.status_code, response.json()["code"]) == (422, BAD_QUERIES[query])


async def test_unknown_path_and_method_are_problems(shop: ApiClient) -> None:
    for response, status, code in (
        (await shop.get("/v1/nothing"), 404, "not_found"),
        (await shop.delete("/v1/orders"), 405, "method_not_allowed"),
    ):
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert response.headers["content-type"] == "application/problem+json"
