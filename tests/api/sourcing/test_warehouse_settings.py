"""Cut-off, capacity and buffer of a warehouse: set over HTTP, audited, used by the next promise."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import ApiClient
from tests.factories.order_changes import HOUSE, stocked

PLACE = {"country": "CN", "province": "上海市", "city": "上海市"}


async def put(shop: ApiClient, code: str, body: dict[str, Any]) -> Any:
    olga = shop.as_("operations", "olga")
    return await olga.http.put(f"/v1/sourcing/warehouses/{code}", json=body, headers=olga.headers)


async def test_a_promise_keeps_the_cut_off_the_buffer_and_the_capacity(shop: ApiClient) -> None:
    sku = await stocked(shop, units=20)
    body = {
        "cut_off": "11:30",
        "time_zone": "Asia/Shanghai",
        "capacity": 5,
        "buffer": 15,
        "channel_buffers": {"app": 19},
    }
    assert (await put(shop, HOUSE, body)).json() == {"warehouse": HOUSE, **body}
    assert {"warehouse": HOUSE, **body} in (await shop.get("/v1/sourcing/warehouses")).json()["items"]
    found = (await shop.get("/v1/availability", sku=sku, quantity=5, **PLACE)).json()
    ships_by = datetime.fromisoformat(found["plan"][0]["ships_by"]).astimezone(UTC)
    assert (ships_by.hour, ships_by.minute) == (3, 30)
    assert (await shop.get("/v1/availability", sku=sku, quantity=6, **PLACE)).json()["available"] is False
    app = shop.as_("channel", "app")
    assert (await app.get("/v1/availability", sku=sku, quantity=1, **PLACE)).json()["available"] is True
    assert (await app.get("/v1/availability", sku=sku, quantity=2, **PLACE)).json()["available"] is False
    assert (await put(shop, HOUSE, {"capacity": 0})).status_code == 200
    assert (await shop.get("/v1/availability", sku=sku, quantity=1, **PLACE)).json()["plan"] == []
    assert (await put(shop, HOUSE, {})).json()["buffer"] == 0
    entries = (await shop.as_("operations").get("/v1/audit", actor="operations:olga")).json()["items"]
    assert {"sourcing_warehouse_added", "sourcing_warehouse_changed"} <= {one["action"] for one in entries}


@pytest.mark.parametrize(
    ("body", "field"),
    [({"cut_off": "24:00"}, "cut_off"), ({"time_zone": "Mars"}, "time_zone"), ({"capacity": -1}, "capacity"),
     ({"buffer": "1"}, "buffer"), ({"channel_buffers": {"app": -1}}, "channel_buffers.app")],
)  # fmt: skip
async def test_a_bad_setting_is_refused_at_its_field(shop: ApiClient, body: dict[str, Any], field: str) -> None:
    answer = await put(shop, HOUSE, body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
    assert (await put(shop, "NOWHERE", {})).json()["code"] == "warehouse_not_found"
