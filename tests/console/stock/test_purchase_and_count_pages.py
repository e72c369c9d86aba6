"""Purchase orders and counts in the console: errors stand at their fields, and another person decides."""

import html
import re
from uuid import uuid4

import pytest

from api.console.approvals import approval_requests
from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_counts import counted, on_hand
from tests.api.stock.test_purchase_orders import LATER, SOON, incoming
from tests.api.stock.test_stock import new_sku
from tests.api.stock.test_transfers import stocked
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import sign_in


async def test_a_purchase_order_is_added_changed_received_and_cancelled(shop: ApiClient) -> None:
    sku, number = await new_sku(shop), unique("PO")
    operations, warehouse = await sign_in(shop, "operations"), await sign_in(shop, "warehouse")
    fields = {"warehouse": "WH-EAST", "supplier": "Hills", "expected_on": SOON, "lines": f"{sku}, 6"}
    for change, field in (
        ({"supplier": " "}, "supplier"), ({"lines": "x y z"}, "lines"), ({"expected_on": "2000-01-01"}, "expected_on"),
        ({"lines": "NONE 1"}, "lines"), ({"over_percent": "900"}, "over_percent"),
    ):  # fmt: skip
        bad = await operations.post("/console/new/purchase-order", number=number, **(fields | change))
        assert bad.status_code in (404, 422) and wrong(bad.text) == {field}, change
    assert (await operations.post("/console/new/purchase-order", number=number, **fields)).status_code == 303
    page = f"/console/purchase-orders/{number}"
    edit = (await operations.get(f"{page}/edit")).text
    assert f"{sku}\t6" in edit and 'name="version" value="1"' in edit
    changed = fields | {"expected_on": LATER, "version": "1"}
    assert (await operations.post(f"{page}/edit", **changed)).status_code == 303
    late = await operations.post(f"{page}/edit", **changed)
    assert late.status_code == 412 and "meanwhile" in late.text
    arrived = {"sku": sku, "quantity": "7", "reference": unique("DN")}
    over = await warehouse.post(f"{page}/receive", **arrived)
    assert (over.status_code, wrong(over.text)) == (409, {"quantity"})
    for quantity in ("-1", "0", "x", "999999999999"):
        absurd = await warehouse.post(f"{page}/receive", **(arrived | {"quantity": quantity}))
        assert (absurd.status_code, wrong(absurd.text)) == (422, {"quantity"}) and f'value="{quantity}"' in absurd.text
    nowhere = await warehouse.post(f"{page}/receive", location="NONE", **(arrived | {"quantity": "2"}))
    assert (nowhere.status_code, wrong(nowhere.text)) == (422, {"location"})
    assert (await warehouse.post(f"{page}/receive", **(arrived | {"quantity": "2"}))).status_code == 303
    assert await incoming(shop, sku) == (4, 2)
    assert (await operations.post(f"{page}/receive", **arrived)).status_code == 403
    assert (await operations.post(f"{page}/cancel")).status_code == 303
    assert await incoming(shop, sku) == (0, 2)
    assert number in (await operations.get("/console/purchase-orders", status="cancelled")).text


async def test_a_count_above_the_limit_is_decided_by_another(shop: ApiClient) -> None:
    sku = await stocked(shop, 300)
    warehouse, operations = await sign_in(shop, "warehouse"), await sign_in(shop, "operations")
    fields = {"warehouse": "WH-EAST", "reference": unique("C")}
    twice = await warehouse.post("/console/new/count", lines=f"{sku} 1\n{sku} 2", **fields)
    assert (twice.status_code, wrong(twice.text)) == (422, {"lines"}) and f"{sku} 1\n{sku} 2" in twice.text
    code = unique("A")
    assert (await warehouse.post("/console/locations/add", warehouse="WH-EAST", code=code)).status_code == 303
    for lines, status in (
        (f"{sku} 1 {code}\n{sku} 2 {code}", 422), (f"{sku} 1 {code}\n{sku} 2", 422), (f"{sku} 1 NONE", 422),
        (f"{sku} -1", 422), (f"{sku} 999999999999", 422), ("NONE 1", 404), ("", 422),
    ):  # fmt: skip
        bad = await warehouse.post("/console/new/count", lines=lines, **fields)
        assert (bad.status_code, wrong(bad.text)) == (status, {"lines"}) and lines in bad.text, lines
    nowhere = await warehouse.post("/console/new/count", lines=f"{sku} 1", **(fields | {"warehouse": "NONE"}))
    assert (nowhere.status_code, wrong(nowhere.text)) == (422, {"warehouse"})
    made = await warehouse.post("/console/new/count", lines=f"{sku} 100", **fields)
    page = made.headers["location"]
    own = (await warehouse.get(page)).text
    assert "another person" in own and f"{page}/approve" not in own
    alone = await warehouse.post(f"{page}/approve")
    assert alone.status_code == 403 and await on_hand(shop, sku) == 300
    assert f"{page}/approve" in (await operations.get(page)).text
    waiting = [(await browser.get("/console/approvals")).text for browser in (warehouse, operations)]
    assert all(page in text and "200 units" in text and "waits for another person" in text for text in waiting)
    assert (await operations.post(f"{page}/approve")).status_code == 303
    assert await on_hand(shop, sku) == 100
    assert page not in (await operations.get("/console/approvals")).text
    decided = (await operations.get("/console/approvals", state="decided")).text
    assert page in decided and operations.name in decided
    chinese = await sign_in(shop, "support", "zh")
    assert "200 件" in (await chinese.get("/console/approvals", state="decided")).text
    assert "已过账" in (await chinese.get("/console/stock-counts")).text
    assert (await chinese.get("/console/new/count")).status_code == 403


async def test_requests_and_counts_stand_in_one_list_with_pages(
    shop: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest first, whichever kind: a count, an order's request, a count."""
    monkeypatch.setattr(approval_requests, "PAGE_SIZE", 1)
    first = (await counted(shop, {"sku": await stocked(shop, 300), "counted": 1}))["count_id"]
    approval_id = f"apr_{uuid4().hex}"
    await shop.sql(
        "INSERT INTO approvals (approval_id, kind, action, orders, amount_minor, wish_enc, data_key, asked_by,"
        " expires_at) VALUES (%s, 'bulk', 'cancel', 3, 1, '', '', 'support:s', now() + interval '1 day')",
        approval_id,
    )  # fmt: skip
    last = (await counted(shop, {"sku": await stocked(shop, 300), "counted": 1}))["count_id"]
    operations, address, seen = await sign_in(shop, "operations"), "/console/approvals", []
    for _ in range(3):
        text = (await operations.http.get(address)).text
        seen += re.findall(r'<td><a href="/console/(?:stock-counts|approvals)/(\w+)"', text)
        following = re.findall(r'href="(/console/approvals\?state=open&amp;cursor=[^"]+)"', text)
        address = html.unescape(following[0]) if following else address
    assert seen == [last, approval_id, first]
    alone = (await (await sign_in(shop, "warehouse")).get("/console/approvals")).text
    assert last in alone and approval_id not in alone
