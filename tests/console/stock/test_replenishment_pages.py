"""Replenishment in the console: what to order stands with why, is ordered once, and rules say how."""

from tests.api.conftest import ApiClient
from tests.api.replenishment.test_replenishment import calculated, sold
from tests.api.stock.test_stock import level, new_sku, receive
from tests.console.catalogue.test_product_pages import wrong
from tests.console.conftest import sign_in


async def test_a_rule_is_set_and_what_it_suggests_is_ordered_once(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 50)
    operations = await sign_in(shop, "operations")
    fields = {"sku": sku, "warehouse": "WH-EAST", "supplier": "Hills", "service_level": "95", "lead_time_days": "9",
              "window_days": "10", "pack_size": "1", "min_order": "1"}  # fmt: skip
    for change, field in (
        ({"service_level": "100"}, "service_level"), ({"lead_time_days": "x"}, "lead_time_days"),
        ({"lead_time_days": "nan"}, "lead_time_days"), ({"pack_size": "0"}, "pack_size"), ({"sku": "NONE"}, "sku"),
        ({"warehouse": "NONE"}, "warehouse"), ({"supplier": "", "automatic": "1"}, "supplier"),
        ({"order_cost_minor": "-1"}, "order_cost_minor"),
    ):  # fmt: skip
        bad = await operations.post("/console/replenishment-rules", **(fields | change))
        assert bad.status_code in (404, 422) and wrong(bad.text) == {field}, change
        assert ("A number from 0 to 365" in bad.text) == (field == "lead_time_days")
    assert (await operations.post("/console/replenishment-rules", **fields)).status_code == 303
    assert "Hills" in (await operations.get("/console/replenishment-rules")).text
    assert "Nothing is to be ordered" in (await operations.get("/console/replenishment", warehouse="WH-SOUTH")).text
    await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    text = (await operations.get("/console/replenishment")).text
    assert f'value="{sku}\tWH-EAST"' in text and "4.00" in text and 'class="text-end fw-bold">30<' in text
    ticked = {"pair.1": f"{sku}\tWH-EAST"}
    nothing = await operations.post("/console/replenishment/order")
    assert nothing.status_code == 422
    assert (await operations.post("/console/replenishment/order", **ticked)).status_code == 303
    assert (await level(shop, sku))["incoming"] == 30
    again = await operations.post("/console/replenishment/order", **ticked)
    assert again.status_code == 409 and "Nothing is needed" in again.text
    assert (await operations.post("/console/replenishment/run")).status_code == 303
    chinese = await sign_in(shop, "support", "zh")
    assert "补货" in (await chinese.get("/console/replenishment")).text
    assert (await chinese.post("/console/replenishment/order", **ticked)).status_code == 403
    assert (await chinese.post("/console/replenishment-rules", **fields)).status_code == 403
    rule = (await shop.sql("SELECT rule_id FROM replenishment_rules WHERE sku = %s", sku))[0]["rule_id"]
    assert (await operations.post(f"/console/replenishment-rules/{rule}/remove")).status_code == 303
    assert (await operations.post(f"/console/replenishment-rules/{rule}/remove")).status_code == 404
