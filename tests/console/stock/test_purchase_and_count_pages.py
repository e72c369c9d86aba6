"""Purchase orders and counts in the console: errors stand at their fields, and another person decides."""

from tests.api.conftest import ApiClient, unique
from tests.api.stock.test_counts import on_hand
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
    made = await warehouse.post("/console/new/count", lines=f"{sku} 100", **fields)
    page = made.headers["location"]
    own = (await warehouse.get(page)).text
    assert "another person" in own and f"{page}/approve" not in own
    alone = await warehouse.post(f"{page}/approve")
    assert alone.status_code == 403 and await on_hand(shop, sku) == 300
    assert f"{page}/approve" in (await operations.get(page)).text
    assert (await operations.post(f"{page}/approve")).status_code == 303
    assert await on_hand(shop, sku) == 100
    chinese = await sign_in(shop, "support", "zh")
    assert "已过账" in (await chinese.get("/console/stock-counts")).text
    assert (await chinese.get("/console/new/count")).status_code == 403
