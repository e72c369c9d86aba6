"""Products, stock and warehouses in the console: what people type is kept until it is right, and nobody overwrites
another unseen."""

import csv
import re
from typing import Any

import httpx
import pytest

from api.console.session import csrf_of
from tests.api.conftest import ApiClient, an_order, unique
from tests.console.conftest import StaffBrowser, sign_in
from tests.factories.pictures import HOSTILE, bomb, picture


@pytest.fixture
async def operations(shop: ApiClient) -> StaffBrowser:
    return await sign_in(shop, "operations")


def form(**changed: str) -> dict[str, str]:
    fields = {
        **{"sku": unique("PAGE"), "name": "Oolong", "name_en": "", "name_zh": "乌龙茶", "price": "1,234.50"},
        **{"currency": "cny", "weight_g": "120", "barcode": "", "tax_category": "reduced", "active": "on"},
    }
    return fields | changed


async def add(browser: StaffBrowser, **changed: str) -> str:
    fields = form(**changed)
    answer = await browser.post("/console/new/product", **fields)
    assert answer.status_code == 303, answer.text
    return fields["sku"]


async def upload(browser: StaffBrowser, sku: str, content: bytes, version: str = "1") -> httpx.Response:
    fields = {"csrf": csrf_of(browser.cookie), "version": version, "key": unique("k")}
    files = {"picture": ("a.png", content, "image/png")}
    return await browser.http.post(f"/console/products/{sku}/picture", data=fields, files=files)


def wrong(page: str) -> set[str]:
    """The fields at which the page shows what is wrong."""
    return set(re.findall(r'class="invalid-feedback" id="f-([\w-]+)-error"', page))


async def test_a_product_is_added_found_and_shown_in_the_readers_language(shop: ApiClient) -> None:
    operations, chinese = await sign_in(shop, "operations"), await sign_in(shop, "support", "zh")
    sku = await add(operations, barcode=" 4006381-333931 ", category=" Loose leaf ")
    page = await operations.get(f"/console/products/{sku}")
    assert "Oolong" in page.text and "1,234.50" in page.text and "4006381333931" in page.text
    assert ">Loose leaf<" in page.text
    edit = (await operations.get(f"/console/products/{sku}/edit")).text
    assert '<option value="reduced" selected>' in edit and '<option value="WH-SOUTH">' in (
        await (await sign_in(shop, "warehouse")).get(f"/console/products/{sku}")
    ).text  # fmt: skip
    for q in (sku.lower(), "乌龙", "4006381333931"):
        assert sku in (await operations.get("/console/products", q=q)).text, q
    assert "乌龙茶" in (await chinese.get("/console/products", q=sku)).text
    assert (await chinese.get("/console/products", q="nothing like it")).text.count("未找到商品") == 1


BAD: dict[str, tuple[dict[str, str], set[str]]] = {
    "a negative price": ({"price": "-1"}, {"price"}),
    "a price with too many decimals": ({"price": "1.234"}, {"price"}),
    "an absurd price": ({"price": "9" * 30}, {"price"}),
    "a price beyond the limit": ({"price": "9999999999999"}, {"price"}),
    "everything empty": (
        dict.fromkeys(("sku", "name", "price", "currency", "weight_g", "tax_category"), ""),
        {"sku", "name", "price", "currency", "weight_g", "tax_category"},
    ),
    "control characters": ({"name": "a\x07b", "name_zh": "a\x07"}, {"name", "name_zh"}),
    "an invisible name": ({"name": "\u200b"}, {"name"}),
    "a wrong check digit": ({"barcode": "4006381333932"}, {"barcode"}),
    "a weight in words": ({"weight_g": "1e3"}, {"weight_g"}),
    "a currency that is gone": ({"currency": "DEM"}, {"currency"}),
    "a SKU that is a path": ({"sku": "a/b"}, {"sku"}),
    "a category too long": ({"category": "x" * 61}, {"category"}),
    "two categories": ({"category": "a,b"}, {"category"}),
    "a SKU that exists": ({"sku": "TEA-1"}, {"sku"}),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_form_shows_what_is_wrong_at_the_field_and_keeps_the_rest(operations: StaffBrowser, name: str) -> None:
    changed, fields = BAD[name]
    before = await operations.api.row_counts()
    answer = await operations.post("/console/new/product", **form(name_en="Kept as typed", **changed))
    assert answer.status_code in (409, 422) and wrong(answer.text) == fields, answer.text
    assert 'value="Kept as typed"' in answer.text
    assert await operations.api.row_counts() == before


async def test_errors_are_in_the_readers_language(shop: ApiClient) -> None:
    chinese = await sign_in(shop, "admin", "zh")
    answer = await chinese.post("/console/new/product", **form(name="", price="x"))
    said = re.findall(r'class="invalid-feedback"[^>]*>([^<]*)<', answer.text)
    assert len(said) == 2 and not [text for text in said if re.search(r"[A-Za-z]{4}", text)], said


async def test_whoever_saves_second_sees_the_others_values_and_keeps_their_own(shop: ApiClient) -> None:
    one, two = await sign_in(shop, "operations"), await sign_in(shop, "admin")
    sku = await add(one)
    typed = {**form(sku=sku), "version": "1"}
    saved = await one.post(f"/console/products/{sku}/edit", **(typed | {"price": "10"}))
    assert saved.status_code == 303 and saved.headers["location"] == f"/console/products/{sku}"
    late = await two.post(f"/console/products/{sku}/edit", **(typed | {"price": "20", "name": "Mine"}))
    assert late.status_code == 412
    assert 'value="Mine"' in late.text and 'value="20"' in late.text and "Now: 10.00" in late.text
    (version,) = re.findall(r'name="version" value="(\d+)"', late.text)[:1]
    again = await two.post(f"/console/products/{sku}/edit", **(typed | {"price": "20", "version": version}))
    assert again.status_code == 303
    assert (await shop.get(f"/v1/products/{sku}")).json()["price_minor"] == 2_000


async def test_a_barcode_of_another_product_is_shown_at_the_field(operations: StaffBrowser) -> None:
    await add(operations, barcode="012345678905")
    sku = await add(operations)
    answer = await operations.post(f"/console/products/{sku}/edit", **form(barcode="012345678905"), version="1")
    assert (answer.status_code, wrong(answer.text)) == (409, {"barcode"})


async def test_names_in_further_languages_stay(operations: StaffBrowser) -> None:
    sku = unique("NAMES")
    body = {"sku": sku, "name": "Tea", "price_minor": 1, "currency": "CNY", "names": {"de": "Tee", "zh": "茶"}}
    assert (await operations.api.as_("operations").post("/v1/products", body)).status_code == 201
    saved = await operations.post(f"/console/products/{sku}/edit", **form(name_zh="", name_en="Tea"), version="1")
    assert saved.status_code == 303
    assert (await operations.api.get(f"/v1/products/{sku}")).json()["names"] == {"de": "Tee", "en": "Tea"}


async def test_a_picture_is_uploaded_and_removed(operations: StaffBrowser) -> None:
    sku = await add(operations)
    assert (await upload(operations, sku, picture("WEBP"))).status_code == 303
    (address,) = re.findall(r'src="(/v1/pictures/[^"]+)"', (await operations.get(f"/console/products/{sku}")).text)
    assert (await operations.http.get(address)).headers["content-type"] == "image/webp"
    assert re.search(r'src="/v1/pictures/\w+\?size=small"', (await operations.get("/console/products", q=sku)).text)
    removed = await operations.post(f"/console/products/{sku}/picture", remove="1", version="2")
    assert removed.status_code == 303
    assert "/v1/pictures/" not in (await operations.get(f"/console/products/{sku}")).text


@pytest.mark.parametrize(
    "content",
    [HOSTILE["a GIF named .png"], HOSTILE["a script as SVG"], bomb(), b""],
    ids=["gif", "svg", "bomb", "none"],
)
async def test_what_is_no_picture_is_refused_at_the_field(operations: StaffBrowser, content: bytes) -> None:
    sku = await add(operations)
    before = await operations.api.row_counts()
    answer = await upload(operations, sku, content)
    assert (answer.status_code, wrong(answer.text)) == (422, {"picture"})
    assert await operations.api.row_counts() == before


async def test_the_warehouse_books_on_the_page_of_a_product(shop: ApiClient) -> None:
    warehouse = await sign_in(shop, "warehouse")
    sku = await add(await sign_in(shop, "operations"))
    path, note = f"/console/products/{sku}/stock", unique("DN")
    receipt = {"warehouse": "WH-EAST", "quantity": "10", "reference": note}
    assert (await warehouse.post(f"{path}/receipt", **receipt)).status_code == 303
    twice = await warehouse.post(f"{path}/receipt", **receipt)
    assert (twice.status_code, wrong(twice.text)) == (409, {"receipt-reference"})
    assert "allow_duplicate" in twice.text
    assert (await warehouse.post(f"{path}/receipt", **receipt, allow_duplicate="on")).status_code == 303
    adjustment = {"warehouse": "WH-EAST", "quantity": "-3", "reason": "broken in the aisle"}
    assert (await warehouse.post(f"{path}/adjustment", **adjustment)).status_code == 303
    transfer = {"from": "WH-EAST", "to": "WH-SOUTH", "quantity": "5", "reference": "closer to Canton"}
    assert (await warehouse.post(f"{path}/transfer", **transfer)).status_code == 303
    assert (await warehouse.get(f"{path}/receipt")).headers["location"] == f"/console/products/{sku}#receipt"
    page = (await warehouse.get(f"/console/products/{sku}")).text
    assert "broken in the aisle" in page and warehouse.name in page and "+20" not in page and "-3" in page
    levels = {item["warehouse"]: item["on_hand"] for item in (await shop.get(f"/v1/stock/{sku}")).json()["items"]}
    assert (levels["WH-EAST"], levels["WH-SOUTH"]) == (17, 0)
    assert "closer to Canton" in (await warehouse.get("/console/transfers")).text


BAD_MOVES: dict[str, tuple[str, dict[str, str], set[str]]] = {
    "no reason": ("adjustment", {"quantity": "1", "reason": " "}, {"adjustment-reason"}),
    "nothing": ("receipt", {}, {"receipt-quantity", "receipt-reference"}),
    "a negative receipt": ("receipt", {"quantity": "-1", "reference": "x"}, {"receipt-quantity"}),
    "an absurd receipt": ("receipt", {"quantity": "9" * 40, "reference": "x"}, {"receipt-quantity"}),
    "an adjustment of nothing": ("adjustment", {"quantity": "0", "reason": "x"}, {"adjustment-quantity"}),
    "more than there is": ("adjustment", {"quantity": "-99", "reason": "x"}, {"adjustment-quantity"}),
    "a warehouse that is none": (
        "receipt", {"quantity": "1", "reference": "x", "warehouse": "?"}, {"receipt-warehouse"},
    ),
    "a transfer to itself": (
        "transfer", {"from": "WH-EAST", "to": "WH-EAST", "quantity": "1", "reference": "x"}, {"transfer-to"},
    ),
    "control characters": ("adjustment", {"quantity": "1", "reason": "a\x00b"}, {"adjustment-reason"}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_MOVES)
async def test_a_bad_movement_is_refused_at_its_field(shop: ApiClient, name: str) -> None:
    action, fields, expected = BAD_MOVES[name]
    browser = await sign_in(shop, "warehouse")
    before = await shop.row_counts()
    answer = await browser.post(f"/console/products/TEA-2/stock/{action}", **fields)
    assert answer.status_code in (409, 422) and wrong(answer.text) == expected, answer.text
    assert 'open id="' + action in answer.text
    assert await shop.row_counts() == before


async def test_low_stock_is_found(operations: StaffBrowser) -> None:
    sku = await add(operations)
    path = f"/console/products/{sku}/stock/safety_stock"
    assert (await operations.post(path, warehouse="WH-EAST", quantity="4")).status_code == 303
    assert sku in (await operations.get("/console/stock", q=sku, low="1")).text
    elsewhere = await operations.get("/console/stock", q=sku, warehouse="WH-NORTH")
    assert f"/console/products/{sku}" not in elsewhere.text
    assert wrong((await operations.post(path, warehouse="WH-EAST", quantity="-4")).text) == {"safety_stock-quantity"}


async def test_a_name_in_another_language_is_added_and_removed(shop: ApiClient) -> None:
    operations = await sign_in(shop, "operations")
    sku = await add(operations)
    path, same = f"/console/products/{sku}/edit", form(sku=sku)
    for wrong_one in ({"new_language": "French", "new_name": "Thé"}, {"new_language": "fr"}, {"new_name": "Thé"}):
        refused = await operations.post(path, version="1", **same, **wrong_one)
        assert refused.status_code == 422 and wrong(refused.text) == {"new_language"}, wrong_one
    assert (await operations.post(path, version="1", **same, new_language="fr", new_name="Thé")).status_code == 303
    assert 'name="name_fr"' in (await operations.get(path)).text
    assert (await shop.get(f"/v1/products/{sku}")).json()["names"] == {"zh": "乌龙茶", "fr": "Thé"}
    assert (await operations.post(path, version="2", **same, name_fr="")).status_code == 303
    assert (await shop.get(f"/v1/products/{sku}")).json()["names"] == {"zh": "乌龙茶"}


async def test_lists_are_exported_as_they_are_filtered(operations: StaffBrowser) -> None:
    sku = await add(operations, name='=1+1 "tea"', currency="USD", price="12.5")
    path = f"/console/products/{sku}/stock/safety_stock"
    assert (await operations.post(path, warehouse="WH-EAST", quantity="4")).status_code == 303
    page = (await operations.get("/console/products", q=sku)).text
    (address,) = re.findall(r'href="(/console/export/products[^"]+)"', page)
    file = await operations.http.get(address)
    assert file.headers["content-type"].startswith("text/csv") and "attachment" in file.headers["content-disposition"]
    header, row = csv.reader(file.content.decode("utf-8-sig").splitlines())
    found = dict(zip(header, row, strict=True))
    assert (found["sku"], found["price"], found["currency"], found["name_zh"]) == (sku, "12.50", "USD", "乌龙茶")
    assert found["name"].lstrip("'") == '=1+1 "tea"' and not found["name"].startswith("=")
    file = await operations.http.get(f"/console/export/stock.csv?q={sku}&low=1")
    header, row = csv.reader(file.content.decode("utf-8-sig").splitlines())
    assert dict(zip(header, row, strict=True))["safety_stock"] == "4"


async def test_warehouses_are_added_and_edited(shop: ApiClient) -> None:
    operations, code = await sign_in(shop, "operations"), unique("WH")
    place = {"name": "West", "country": "cn", "province": "四川省", "city": "成都市", "priority": "7"}
    bad = await operations.post("/console/new/warehouse", code=code, **(place | {"country": "China", "priority": "-1"}))
    assert (bad.status_code, wrong(bad.text)) == (422, {"country", "priority"}) and 'value="West"' in bad.text
    assert (await operations.post("/console/new/warehouse", code=code, **place)).status_code == 303
    twice = await operations.post("/console/new/warehouse", code=code, **place)
    assert (twice.status_code, wrong(twice.text)) == (409, {"code"})
    page = (await operations.get(f"/console/warehouses/{code}")).text
    assert 'value="West"' in page and 'name="version" value="1"' in page
    edit = f"/console/warehouses/{code}"
    assert (await operations.post(edit, version="1", **(place | {"name": "Far west"}))).status_code == 303
    late = await operations.post(edit, version="1", **(place | {"name": "Mine"}))
    assert late.status_code == 412 and 'value="Mine"' in late.text and "Now: Far west" in late.text
    assert "Far west" in (await operations.get("/console/warehouses")).text


PAGES: dict[str, set[str]] = {
    "/console/products": {"support", "warehouse", "finance", "operations"},
    "/console/products/TEA-1": {"support", "warehouse", "finance", "operations"},
    "/console/stock": {"support", "warehouse", "finance", "operations"},
    "/console/warehouses": {"support", "warehouse", "finance", "operations"},
    "/console/new/product": {"operations"},
    "/console/products/TEA-1/edit": {"operations"},
    "/console/new/warehouse": {"operations"},
    "/console/warehouses/WH-EAST": {"operations"},
}
ACTIONS = {"receipt": "warehouse", "adjustment": "warehouse", "transfer": "warehouse", "safety_stock": "operations"}


@pytest.mark.parametrize("role", ["support", "warehouse", "finance", "operations"])
async def test_each_role_sees_and_does_what_is_its_own(shop: ApiClient, role: str) -> None:
    browser = await sign_in(shop, role)
    seen: dict[str, Any] = {path: (await browser.get(path)).status_code for path in PAGES}
    assert seen == {path: 200 if role in roles else 403 for path, roles in PAGES.items()}
    for action, own in ACTIONS.items():
        answer = await browser.post(f"/console/products/TEA-1/stock/{action}")
        assert answer.status_code == (422 if role == own else 403), action
    for path in ("/console/products/NONE", "/console/products/%00", "/console/products/TEA-1/stock/none"):
        answer = await (browser.post(path) if path.endswith("/none") else browser.get(path))
        assert answer.status_code == 404, path


async def test_a_picture_above_the_limit_of_an_upload_is_refused_at_the_field(operations: StaffBrowser) -> None:
    answer = await upload(operations, await add(operations), b"x" * 10_000_000)
    assert (answer.status_code, wrong(answer.text)) == (413, {"picture"})


async def test_a_form_above_the_limit_is_refused_on_a_page(operations: StaffBrowser) -> None:
    answer = await operations.post("/console/new/product", **form(name="x" * 2_000_000))
    assert answer.status_code == 413 and answer.headers["content-type"].startswith("text/html")
    assert "body_too_large" in answer.text and 'id="navigation"' in answer.text


async def test_an_order_shows_the_picture_of_its_product_and_the_name_in_the_readers_language(shop: ApiClient) -> None:
    sku = await add(await sign_in(shop, "operations"))
    assert (await upload(await sign_in(shop, "operations"), sku, picture())).status_code == 303
    order_no = (await shop.post("/v1/orders", an_order(sku=sku))).json()["order_no"]
    for lang, name in (("en", "Oolong"), ("zh", "乌龙茶")):
        text = (await (await sign_in(shop, "support", lang)).get(f"/console/orders/{order_no}")).text
        assert f'<a href="/console/products/{sku}">{name}</a>' in text
        assert re.search(r'<img class="avatar[^"]*" src="/v1/pictures/\w{64}\?size=small"', text)
