"""Why an order ships from where it does: the stored decision, or what is known of a plain one."""

import json

from domain.sourcing.deciding import decide
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.request import Line, Network, SourcingRequest
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import placed, reserved, stocked

PLACES = {"country": "CN", "province": "上海市", "city": "上海市"}


async def test_an_order_that_waits_for_its_stock_has_no_decision(shop: ApiClient) -> None:
    answer = (await shop.get(f"/v1/orders/{await placed(shop, await stocked(shop))}/sourcing")).json()
    assert (answer["decided_at"], answer["chosen"], answer["considered"]) == (None, [], [])


async def test_a_plain_order_names_its_warehouse_and_why_not_the_others(shop: ApiClient) -> None:
    sku, farther = await stocked(shop), unique("FAR")
    number = await placed(shop, sku)
    body = {"code": farther, "name": farther, "country": "CN", "province": "广东省", "city": "广州市"}
    assert (await shop.as_("operations").post("/v1/warehouses", body)).status_code == 201
    await reserved(shop, number)
    ships_from = (await shop.sql("SELECT warehouse FROM orders WHERE order_no = %s", number))[0]["warehouse"]
    answer = (await shop.get(f"/v1/orders/{number}/sourcing")).json()
    assert answer["derived"] is True
    assert answer["decided_at"] is not None
    assert answer["chosen"] == [
        {"warehouse": ships_from, "lines": [{"line_no": 1, "sku": sku, "quantity": 3}]},
    ]
    first, *others = answer["considered"]
    assert (first["warehouse"], first["excluded_by"]) == (ships_from, None)
    assert set(first["criteria"]) == {"region", "priority"}
    (far,) = (one for one in others if one["warehouse"] == farther)
    assert far["score"] < first["score"]


async def test_a_stored_decision_is_shown_as_it_was_made(shop: ApiClient) -> None:
    number = await placed(shop, "TEA-1", 2)
    near, far = Warehouse("NEAR", *PLACES.values(), 1), Warehouse("FAR", "CN", "广东省", "广州市", 1)
    stock = {("NEAR", "TEA-1"): 1, ("FAR", "TEA-1"): 1}
    request = SourcingRequest((Line(1, "TEA-1", 2),), Network((near, far), stock), Destination(*PLACES.values()))
    fields = decide(request).fields()
    await shop.sql("INSERT INTO sourcing_decisions (order_no, decision) VALUES (%s, %s)", number, json.dumps(fields))
    answer = (await shop.get(f"/v1/orders/{number}/sourcing")).json()
    assert (answer["derived"], answer["profile_version"], answer["strategy"]) == (False, 0, "default")
    assert answer["chosen"] == fields["chosen"]
    assert answer["considered"] == fields["considered"]
    assert [share["warehouse"] for share in answer["chosen"]] == ["NEAR", "FAR"]
