"""Transfers and stock cases in the console: each step names what is wrong, and keeps what was typed."""

import re

from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_transfers import on_hand, stocked
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import StaffBrowser, sign_in


async def begun(browser: StaffBrowser, sku: str, quantity: int) -> str:
    fields = {"from": "WH-EAST", "to": "WH-SOUTH", "lines": f"{sku}\t{quantity}\n", "reference": unique("T")}
    answer = await browser.post("/console/new/transfer", **fields)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_a_transfer_is_requested_shipped_and_received_with_a_difference(shop: ApiClient) -> None:
    sku, browser = await stocked(shop), await sign_in(shop, "warehouse")
    page = await begun(browser, sku, 6)
    units = f"units-{sku}"
    refused = await browser.post(f"{page}/ship", **{units: "7"})
    assert refused.status_code == 422 and 'value="7"' in refused.text and "is-invalid" in refused.text
    for bad in ("-1", "two", "999999999999"):
        refused = await browser.post(f"{page}/ship", **{units: bad})
        assert refused.status_code == 422 and f'value="{bad}"' in refused.text and "is-invalid" in refused.text, bad
    assert (await browser.post(f"{page}/ship", **{units: "6"})).status_code == 303
    for bad in ("7", "-1", "two"):
        refused = await browser.post(f"{page}/receive", **{units: bad})
        assert refused.status_code == 422 and f'value="{bad}"' in refused.text and "is-invalid" in refused.text, bad
    nowhere = await browser.post(f"{page}/receive", location="NONE", **{units: "6"})
    assert (nowhere.status_code, wrong(nowhere.text)) == (422, {"location"}) and 'value="NONE"' in nowhere.text
    assert (await browser.post(f"{page}/receive", **{units: "5"})).status_code == 303
    assert await on_hand(shop, sku) == (4, 5)
    cases = (await browser.get("/console/stock-cases")).text
    case = re.findall(rf'href="(/console/stock-cases/\d+)">[^<]*</a></td>\n<td>{sku}<', cases)[0]
    operations = await sign_in(shop, "operations")
    assert browser.name in (await operations.get(case)).text
    empty = await operations.post(f"{case}/resolve", resolution="lost", reason=" ")
    assert (empty.status_code, wrong(empty.text)) == (422, {"reason"}) and '"lost" selected' in empty.text
    assert (await operations.post(f"{case}/owner", owner=operations.name)).status_code == 303
    assert (await operations.post(f"{case}/resolve", resolution="lost", reason="fell off")).status_code == 303
    resolved = (await operations.get("/console/stock-cases", state="resolved")).text
    assert case in resolved and case not in (await operations.get("/console/stock-cases")).text


async def test_a_bad_transfer_is_refused_at_its_field_and_keeps_what_was_typed(shop: ApiClient) -> None:
    sku, browser = await stocked(shop), await sign_in(shop, "warehouse")
    fine = {"from": "WH-EAST", "to": "WH-SOUTH", "lines": f"{sku} 2", "reference": unique("T")}
    for change, field, status in (
        ({"to": "WH-EAST"}, "to", 422),
        ({"to": "NONE"}, "to", 422),
        ({"from": "NONE"}, "from", 422),
        ({"lines": f"{sku} -2"}, "lines", 422),
        ({"lines": f"{sku} 999999999999"}, "lines", 422),
        ({"lines": f"{sku} 99"}, "lines", 409),
        ({"lines": "NONE 1"}, "lines", 404),
        ({"lines": ""}, "lines", 422),
        ({"lines": f"{sku} two"}, "lines", 422),
        ({"lines": sku}, "lines", 422),
        ({"reference": " "}, "reference", 422),
        ({"expected_on": "2020-01-01"}, "expected_on", 422),
    ):
        answer = await browser.post("/console/new/transfer", **(fine | change))
        assert (answer.status_code, wrong(answer.text)) == (status, {field}), change
        assert (fine | change)["lines"] in answer.text
    assert (await browser.post("/console/new/transfer", **fine)).status_code == 303
    twice = await browser.post("/console/new/transfer", **fine)
    assert (twice.status_code, wrong(twice.text)) == (409, {"reference"})


async def test_who_may_what_and_chinese_pages_hold_no_english(shop: ApiClient) -> None:
    sku, warehouse = await stocked(shop), await sign_in(shop, "warehouse")
    page = await begun(warehouse, sku, 1)
    support = await sign_in(shop, "support")
    assert [(await support.get(path)).status_code for path in ("/console/transfers", page)] == [200, 200]
    assert (await support.get("/console/new/transfer")).status_code == 403
    assert (await support.post(f"{page}/ship")).status_code == 403
    assert (await support.post("/console/stock-cases/1/resolve")).status_code == 403
    assert (await warehouse.get("/console/transfers/none")).status_code == 404
    chinese = await sign_in(shop, "warehouse", "zh")
    for path, text in ((page, "已申请"), ("/console/transfers", "新建调拨"), ("/console/stock-cases", "库存差异")):
        assert text in (await chinese.get(path)).text
