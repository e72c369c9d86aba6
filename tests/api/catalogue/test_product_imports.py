"""Products are imported from files: nothing changes before the preview is applied, and each row has its outcome."""

import csv
from typing import Any

import httpx
import pytest

from infra.db.audit import actor_context
from infra.db.catalogue import product_imports
from tests.api.conftest import ApiClient, unique

HEAD = "sku,name,name_zh,name_fr,price,currency,active,weight_g,barcode,tax_category,category"


async def upload(shop: ApiClient, content: bytes | str, key: str | None = None) -> httpx.Response:
    raw = content if isinstance(content, bytes) else content.encode()
    operations = shop.as_("operations", "olga")
    headers = {**operations.headers, "Idempotency-Key": key or unique("k")}
    files = {"file": ("C:\\goods\\new.csv", raw, "text/csv")}
    return await shop.http.post("/v1/product-imports", files=files, headers=headers)


async def previewed(shop: ApiClient, content: bytes | str) -> dict[str, Any]:
    answer = await upload(shop, content)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def rows(shop: ApiClient, import_id: str) -> list[dict[str, Any]]:
    answer = await shop.as_("operations").get(f"/v1/product-imports/{import_id}/rows", limit=200)
    return list(answer.json()["items"])


async def applied(shop: ApiClient, import_id: str) -> dict[str, Any]:
    answer = await shop.as_("operations", "olga").post(f"/v1/product-imports/{import_id}/apply")
    assert answer.status_code == 202, answer.text
    return dict((await shop.as_("operations").get(f"/v1/product-imports/{import_id}")).json())


async def product(shop: ApiClient, sku: str) -> dict[str, Any]:
    return dict((await shop.get(f"/v1/products/{sku}")).json())


async def test_a_preview_changes_nothing_and_an_import_is_applied_once(shop: ApiClient) -> None:
    new, old = unique("NEW"), unique("OLD")
    first = await previewed(shop, f"sku,name,price,currency\n{old},Old tea,10.00,CNY\n")
    assert (await applied(shop, first["import_id"]))["counts"] == {"created": 1}
    file = (
        f"{HEAD}\n{new},New tea,新茶,Thé,\"1,234.50\",cny,yes,80,4006381333931,reduced,tea\n"
        f"{old},,,,12.50,,no,,,,\n{old},,,,1,,,,,,\n"
    )  # fmt: skip
    found = await previewed(shop, file)
    assert (found["state"], found["total"], found["file_name"]) == ("preview", 3, "new.csv")
    assert found["counts"] == {"create": 1, "change": 1, "refused": 1}
    create, change, twice = await rows(shop, found["import_id"])
    assert change["changes"] == {"price": ["10.00", "12.50"], "active": ["yes", "no"]}
    assert (create["outcome"], twice["errors"]) == ("create", [{"field": "sku", "code": "sku_twice", "line": "3"}])
    assert (await shop.get(f"/v1/products/{new}")).status_code == 404
    assert (await product(shop, old))["price_minor"] == 1000
    done = await applied(shop, found["import_id"])
    assert (done["state"], done["counts"]) == ("done", {"created": 1, "changed": 1, "refused": 1})
    made = await product(shop, new)
    assert (made["names"], made["price_minor"], made["weight_g"]) == ({"zh": "新茶", "fr": "Thé"}, 123450, 80)
    assert (made["barcode"], made["tax_category"], made["category"]) == ("4006381333931", "reduced", "tea")
    assert (await product(shop, old))["active"] is False
    again = await shop.as_("operations").post(f"/v1/product-imports/{found['import_id']}/apply")
    assert (again.status_code, again.json()["code"]) == (409, "import_applied")
    entries = await shop.sql("SELECT actor, action FROM audit_log WHERE reference = %s ORDER BY action", new)
    assert entries == [{"actor": "operations:olga", "action": "product_added"}]
    await shop.sql("UPDATE products SET barcode = NULL WHERE sku = %s", new)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
async def test_every_usual_encoding_and_separator_is_read(shop: ApiClient, encoding: str, separator: str) -> None:
    cells = [["货号", "名称", "价格", "货币"], [unique("ENC"), "龙井", "8.80", "CNY"]]
    text = "\r\n".join(separator.join(row) for row in cells)
    found = await previewed(shop, text.encode(encoding))
    (row,) = await rows(shop, found["import_id"])
    assert (row["outcome"], row["changes"]["name"]) == ("create", ["", "龙井"])


# The cells of a row that is otherwise right, and the column that is refused.
BAD_CELLS: dict[str, tuple[dict[str, str], tuple[str, str]]] = {
    "no name": ({"name": ""}, ("name", "missing")),
    "no price": ({"price": ""}, ("price", "missing")),
    "a formula": ({"name": "=HYPERLINK(1)"}, ("name", "formula_cell")),
    "a formula as a price": ({"price": "=A1*2"}, ("price", "int_type")),
    "a negative price": ({"price": "-5"}, ("price", "int_type")),
    "an absurd price": ({"price": "9999999999999.00"}, ("price", "less_than_equal")),
    "too many decimals": ({"price": "1.005"}, ("price", "int_type")),
    "no such currency": ({"currency": "XYZ"}, ("currency", "unknown_currency")),
    "a spreadsheet's barcode": ({"barcode": "4.00638E+12"}, ("barcode", "invalid_barcode")),
    "a path as a SKU": ({"sku": "../admin"}, ("sku", "invalid_id")),
    "a SKU that is too long": ({"sku": "x" * 300}, ("sku", "string_too_long")),
    "control characters": ({"name": "a\x07b"}, ("name", "invalid_text")),
    "neither yes nor no": ({"active": "perhaps"}, ("active", "bool_type")),
    "no weight": ({"weight_g": "0"}, ("weight_g", "greater_than_equal")),
}


@pytest.mark.parametrize("name", BAD_CELLS)
async def test_a_bad_cell_refuses_its_row_and_names_its_column(shop: ApiClient, name: str) -> None:
    cells, (field, _) = BAD_CELLS[name]
    right = {"sku": unique("BAD"), "name": "Tea", "price": "1.00", "currency": "CNY"}
    bad = right | cells
    good = right | {"sku": unique("GOOD")}
    columns = list(bad)
    lines = [",".join(columns), *(",".join(row.get(column, "") for column in columns) for row in (bad, good))]
    found = await previewed(shop, "\n".join(lines))
    refused, created = await rows(shop, found["import_id"])
    assert (refused["outcome"], [error["field"] for error in refused["errors"]]) == ("refused", [field]), refused
    assert created["outcome"] == "create"


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "import_empty"),
    "a header alone": (b"sku,name\r\n", "import_empty"),
    "no column of SKUs": (b"name,price\nTea,1\n", "import_columns"),
    "a column twice": (b"sku,name,Name\nA,B,C\n", "import_columns"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR" + bytes(range(256)), "import_unreadable"),
    "an open quote": (b'sku,name\nA,"Tea\n' + b"x" * 200_000, "import_unreadable"),
    "a million rows": (b"sku\n" + b"A\n" * 1_000_000, "import_too_large"),
    "too many rows": (b"sku\n" + b"A\n" * 20_001, "import_too_large"),
}


@pytest.mark.parametrize("name", BAD_FILES)
async def test_a_bad_file_is_refused_and_leaves_nothing(shop: ApiClient, name: str) -> None:
    content, code = BAD_FILES[name]
    before = await shop.row_counts()
    answer = await upload(shop, content)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await shop.row_counts() == before


async def test_an_export_is_imported_without_a_change(shop: ApiClient) -> None:
    """Also a name that a spreadsheet would calculate, and names in every language."""
    sku = unique("ROUND")
    added = {"sku": sku, "name": '=1+1 "tea"', "names": {"zh": "茶", "pt-BR": "Chá"}, "currency": "JPY"}
    answer = await shop.as_("operations").post("/v1/products", {**added, "price_minor": 500})
    assert answer.status_code == 201, answer.text
    file = (await shop.get("/v1/product-export", q=sku)).content
    header, row = csv.reader(file.decode("utf-8-sig").splitlines())
    assert dict(zip(header, row, strict=True))["name_pt-BR"] == "Chá"
    found = await previewed(shop, file)
    assert (found["counts"], found["ignored"]) == ({"unchanged": 1}, [])


async def test_what_others_changed_after_the_preview_stays(shop: ApiClient) -> None:
    changed, added, taken = unique("CH"), unique("AD"), unique("TK")
    make = f"sku,name,price,currency,barcode\n{changed},Tea,1.00,CNY,\n{taken},Tea,1.00,CNY,96385074\n"
    await applied(shop, (await previewed(shop, make))["import_id"])
    file = (
        f"sku,name,price,currency,barcode\n{changed},Mine,2.00,CNY,\n{added},Mine,2.00,CNY,\n"
        f"{unique('BC')},Mine,2.00,CNY,96385074\n"
    )
    found = await previewed(shop, file)
    assert found["counts"] == {"change": 1, "create": 2}
    await shop.sql("UPDATE products SET name = 'Theirs' WHERE sku = %s", changed)
    await shop.sql("INSERT INTO products (sku, name, price_minor, currency) VALUES (%s, 'Theirs', 1, 'CNY')", added)
    assert (await applied(shop, found["import_id"]))["counts"] == {"failed": 3}
    codes = [row["errors"][0]["code"] for row in await rows(shop, found["import_id"])]
    assert codes == ["product_changed", "product_exists", "barcode_exists"]
    assert {(await product(shop, sku))["name"] for sku in (changed, added)} == {"Theirs"}
    await shop.sql("UPDATE products SET barcode = NULL WHERE sku = %s", taken)


async def test_an_import_goes_on_where_it_stopped(shop: ApiClient) -> None:
    """The request applies the first rows; the relay, or another one, applies the rest."""
    prefix = unique("MANY")
    lines = [f"{prefix}-{number:03},Tea,1.00,CNY" for number in range(230)]
    found = await previewed(shop, "\n".join(["sku,name,price,currency", *lines]))
    moved = await applied(shop, found["import_id"])
    assert (moved["state"], moved["counts"]) == ("applying", {"created": 200, "create": 30})
    async with shop.app.state.services.database.begin() as conn:
        assert await product_imports.apply_some(conn, actor_context.set_actor)
        assert not await product_imports.apply_some(conn, actor_context.set_actor)
    answer = await shop.as_("operations").get(f"/v1/product-imports/{found['import_id']}")
    assert (answer.json()["state"], answer.json()["counts"]) == ("done", {"created": 230})


async def test_a_repeat_is_the_same_import_and_an_unknown_one_is_not_found(shop: ApiClient) -> None:
    file, key = f"sku,name,price,currency\n{unique('R')},Tea,1,CNY\n", unique("k")
    first, again = await upload(shop, file, key), await upload(shop, file, key)
    assert first.json()["import_id"] == again.json()["import_id"]
    assert (await upload(shop, file + "\n\nX,Y,1,CNY", key)).json()["code"] == "idempotency_key_reused"
    for import_id in ("imp_1", "imp_" + "0" * 32, "%00"):
        missing = await shop.as_("operations").get(f"/v1/product-imports/{import_id}")
        assert (missing.status_code, missing.json()["code"]) == (404, "import_not_found")


async def test_a_category_is_imported_exported_and_removed_by_an_empty_cell(shop: ApiClient) -> None:
    sku = unique("CAT")
    new = await previewed(shop, f"sku,name,price,currency,类别\n{sku},Cup,10.00,CNY, fragile \n")
    assert (await applied(shop, new["import_id"]))["counts"] == {"created": 1}
    assert (await product(shop, sku))["category"] == "fragile"
    exported = (await shop.get("/v1/product-export", q=sku)).content.decode("utf-8-sig").splitlines()
    (row,) = csv.DictReader(exported)
    assert row["category"] == "fragile"
    kept = await previewed(shop, f"sku,price\n{sku},11.00\n")
    assert (await rows(shop, kept["import_id"]))[0]["changes"] == {"price": ["10.00", "11.00"]}
    gone = await previewed(shop, f"sku,category\n{sku},\n")
    assert (await rows(shop, gone["import_id"]))[0]["changes"] == {"category": ["fragile", ""]}
    await applied(shop, gone["import_id"])
    assert (await product(shop, sku))["category"] is None
    bad = await previewed(shop, f"sku,category\n{sku},=1+1\n")
    assert (await rows(shop, bad["import_id"]))[0]["errors"] == [{"field": "category", "code": "formula_cell"}]
