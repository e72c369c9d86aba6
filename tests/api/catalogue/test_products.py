"""Products are listed, changed and shown; orders keep what they were placed with."""

from typing import Any

import httpx
import psycopg
import pytest

from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.pictures import HOSTILE, picture

EAN, UPC = "4006381333931", "036000291452"


async def added(shop: ApiClient, **more: Any) -> str:
    sku = unique("SKU")
    body = {"sku": sku, "name": f"Tea {sku}", "price_minor": 100, "currency": "CNY", **more}
    answer = await shop.as_("operations").post("/v1/products", body)
    assert answer.status_code == 201, answer.text
    return sku


async def patch(shop: ApiClient, sku: str, body: dict[str, Any], tag: str | None = '"1"') -> httpx.Response:
    operations = shop.as_("operations", "otto")
    headers = operations.headers | {"Idempotency-Key": unique("key")} | ({"If-Match": tag} if tag else {})
    return await shop.http.patch(f"/v1/products/{sku}", json=body, headers=headers)


async def upload(shop: ApiClient, sku: str, content: bytes, key: str | None = None, tag: str = "*") -> httpx.Response:
    operations = shop.as_("operations", "otto")
    headers = operations.headers | {"Idempotency-Key": key or unique("key"), "If-Match": tag}
    files = {"picture": ("a.png", content, "image/png")}
    return await shop.http.post(f"/v1/products/{sku}/picture", files=files, headers=headers)


async def test_a_product_says_all_of_itself(shop: ApiClient) -> None:
    more = {"names": {"zh": "龙井", "pt-BR": "Chá"}, "barcode": EAN, "tax_category": "reduced", "weight_g": 20}
    sku = await added(shop, **more, active=False)
    answer = await shop.get(f"/v1/products/{sku}")
    found = answer.json()
    assert {name: found[name] for name in more} == more
    assert (found["active"], found["picture_id"], found["version"], answer.headers["etag"]) == (False, None, 1, '"1"')


async def test_a_change_needs_the_version_that_was_read(shop: ApiClient) -> None:
    sku = await added(shop, barcode=UPC)
    first = await patch(shop, sku, {"price_minor": 250, "names": {"zh": "绿茶"}, "barcode": None})
    assert (first.status_code, first.headers["etag"]) == (200, '"2"'), first.text
    found = (await shop.get(f"/v1/products/{sku}")).json()
    assert (found["price_minor"], found["names"], found["barcode"], found["name"]) == (
        250, {"zh": "绿茶"}, None, f"Tea {sku}",
    )  # fmt: skip
    for tag, status, code in (('"1"', 412, "product_changed"), (None, 428, "if_match_missing"), ("W/2", 412, None)):
        refused = await patch(shop, sku, {"price_minor": 1}, tag)
        assert (refused.status_code, refused.json()["code"]) == (status, code or "product_changed")
    assert (await patch(shop, sku, {"price_minor": 250}, "*")).headers["etag"] == '"2"'  # nothing is different
    (entry,) = await shop.sql(
        "SELECT actor, before, after FROM audit_log WHERE action = 'product_changed' AND reference = %s", sku
    )
    assert entry["actor"] == "operations:otto" and '"price_minor": 250' in entry["after"] and UPC in entry["before"]


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "nothing_to_change"),
    "a negative price": ({"price_minor": -1}, "validation_failed"),
    "an absurd price": ({"price_minor": 10**30}, "validation_failed"),
    "a price in words": ({"price_minor": "12"}, "validation_failed"),
    "no name": ({"name": ""}, "validation_failed"),
    "an invisible name": ({"name": "\u200b"}, "blank_text"),
    "control characters": ({"name": "a\x00b"}, "invalid_text"),
    "a language that is none": ({"names": {"English": "x"}}, "validation_failed"),
    "an empty name in a language": ({"names": {"en": ""}}, "validation_failed"),
    "a null name": ({"name": None}, "validation_failed"),
    "a wrong check digit": ({"barcode": "4006381333932"}, "invalid_barcode"),
    "no weight": ({"weight_g": 0}, "validation_failed"),
    "another tax": ({"tax_category": "free"}, "validation_failed"),
    "another currency": ({"currency": "EUR"}, "unknown_field"),
    "a picture of somebody": ({"picture_id": "0" * 64}, "validation_failed"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_change_changes_nothing(shop: ApiClient, name: str) -> None:
    body, code = BAD[name]
    before = await shop.row_counts()
    refused = await patch(shop, "TEA-1", body)
    assert (refused.status_code, refused.json()["code"]) == (422, code), refused.text
    assert await shop.row_counts() == before


async def test_a_barcode_is_of_one_product_in_a_currency(shop: ApiClient) -> None:
    code = "96385074"
    await added(shop, barcode=code)
    await added(shop, barcode=code, currency="EUR")
    twice = {"sku": unique("SKU"), "name": "x", "price_minor": 1, "currency": "CNY", "barcode": code}
    refused = await shop.as_("operations").post("/v1/products", twice)
    assert (refused.status_code, refused.json()["code"]) == (409, "barcode_exists")
    other = await patch(shop, await added(shop), {"barcode": code})
    assert (other.status_code, other.json()["code"]) == (409, "barcode_exists")


async def test_products_are_found_by_sku_name_in_any_language_and_barcode(shop: ApiClient) -> None:
    sku = await added(shop, names={"zh": "武夷山大红袍", "en": 'A 6" pot\\b'}, barcode="10614141000415")
    for q in (sku.lower(), f"tea {sku}".upper(), "大红袍", '6" POT', "pot\\b", "10614141000415", "010614141000415"):
        found = (await shop.get("/v1/products", q=q)).json()["items"]
        assert sku in [item["sku"] for item in found], q
    for q in ("100%", "_", "\\\\", "'", "zh"):
        assert (await shop.get("/v1/products", q=q)).json()["items"] == []
    assert (await shop.get("/v1/products", q="a\x00")).status_code == 422


async def test_pages_hold_each_product_once(shop: ApiClient) -> None:
    prefix = unique("PAGE")
    made = [await added(shop, name=prefix) for _ in range(5)]
    inactive = await added(shop, name=prefix, active=False)
    seen: list[str] = []
    cursor = None
    while True:
        page = await shop.get("/v1/products", q=prefix, limit=2, active=True, **({"cursor": cursor} if cursor else {}))
        seen += [item["sku"] for item in page.json()["items"]]
        if (cursor := page.json()["next_cursor"]) is None:
            break
    assert seen == sorted(made)
    assert [item["sku"] for item in (await shop.get("/v1/products", q=prefix, active=False)).json()["items"]] == [
        inactive
    ]
    assert (await shop.get("/v1/products", cursor="x")).json()["code"] == "invalid_cursor"


async def test_a_list_shows_what_can_be_sold(shop: ApiClient) -> None:
    sku = await added(shop)
    for warehouse in ("WH-EAST", "WH-SOUTH"):
        body = {"sku": sku, "quantity": 4, "reference": unique("PO"), "warehouse": warehouse}
        assert (await shop.as_("warehouse").post("/v1/stock/receipts", body)).status_code == 201
    (item,) = (await shop.get("/v1/products", q=sku)).json()["items"]
    assert item["available"] == 8


async def test_placed_orders_keep_their_price_and_an_inactive_product_is_not_ordered(shop: ApiClient) -> None:
    sku = await added(shop)
    placed = (await shop.post("/v1/orders", an_order(sku=sku))).json()
    changed = await patch(shop, sku, {"price_minor": 999, "name": "Another", "active": False})
    assert changed.status_code == 200
    refused = await shop.post("/v1/orders", an_order(sku=sku))
    assert (refused.status_code, refused.json()["code"]) == (422, "product_inactive")
    order = (await shop.get(f"/v1/orders/{placed['order_no']}")).json()
    line = order["lines"][0]
    assert (order["total_minor"], line["unit_price_minor"], line["name"]) == (200, 100, f"Tea {sku}")


async def test_a_picture_is_uploaded_shown_and_removed(shop: ApiClient) -> None:
    sku, key = await added(shop), unique("key")
    first = await upload(shop, sku, picture("JPEG"), key, '"1"')
    assert first.status_code == 200, first.text
    again = await upload(shop, sku, picture("JPEG"), key, '"1"')
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert (await upload(shop, sku, picture("PNG"), None, '"1"')).json()["code"] == "product_changed"
    shown = await shop.http.get(f"/v1/pictures/{first.json()['picture_id']}")
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    removed = await patch(shop, sku, {"picture_id": None}, "*")
    assert removed.json()["picture_id"] is None


@pytest.mark.parametrize("name", ["a GIF named .png", "a script as SVG"])
async def test_what_is_no_picture_is_refused(shop: ApiClient, name: str) -> None:
    before = await shop.row_counts()
    refused = await upload(shop, "TEA-1", HOSTILE[name])
    assert (refused.status_code, refused.json()["code"]) == (422, "picture_invalid")
    operations = shop.as_("operations")
    as_json = await operations.post("/v1/products/TEA-1/picture", {"picture": "x"}, headers={"If-Match": "*"})
    assert (as_json.status_code, as_json.json()["code"]) == (422, "picture_invalid")
    assert await shop.row_counts() == before


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("barcode = '4006381333932'", "product_barcode"),
        ("barcode = 'x'", "product_barcode"),
        ("names = '[]'", "product_names"),
        ("""names = '{"zh": 1}'""", "product_names"),
        ("""names = '{"zh": ""}'""", "product_names"),
        ("tax_category = 'other'", "product_tax_category"),
        ("picture_id = 'x'", "product_picture"),
    ],
)
async def test_the_database_refuses_what_no_product_says(shop: ApiClient, change: str, constraint: str) -> None:
    with pytest.raises(psycopg.errors.IntegrityError, match=constraint):
        await shop.sql(f"UPDATE products SET {change} WHERE sku = 'TEA-1'")
