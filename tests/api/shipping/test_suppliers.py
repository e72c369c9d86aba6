"""Suppliers over HTTP: added like a warehouse, asked to ship, and what they answer."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import HOUSE, stocked
from tests.factories.picking import booked, does, done, lines
from tests.factories.suppliers import asked, supplier

SHIPPED = {"carrier": "sf", "tracking_no": "SF1000"}
PLACE = {"country": "CN", "province": "广东省", "city": "广州市"}


@pytest.fixture
async def staff(api: ApiClient) -> ApiClient:
    return api.as_("admin")


async def level(staff: ApiClient, sku: str, code: str) -> tuple[int, int]:
    (row,) = await staff.sql("SELECT on_hand, reserved FROM stock_levels WHERE sku = %s AND warehouse = %s", sku, code)
    return row["on_hand"], row["reserved"]


async def refused(staff: ApiClient, act: str, fulfilment_id: str, body: Any = None) -> tuple[int, str]:
    answer = await does(staff, act, fulfilment_id, body)
    return answer.status_code, answer.json()["code"]


async def test_a_supplier_names_its_carrier_when_it_has_shipped(staff: ApiClient) -> None:
    one, code = await asked(staff)
    order = (await staff.get(f"/v1/orders/{one.order_no}")).json()
    assert (order["status"], order["waiting_for"]["what"]) == ("preparing", "supplier")
    assert order["situation"]["sentence"].startswith("Waiting for the supplier to ship")
    (parcel,) = order["shipments"]
    assert (parcel["carrier"], parcel["tracking_no"], parcel["status"]) == ("supplier", None, "booked")
    assert await refused(staff, "pick", one.id, lines(2)) == (409, "ships_from_supplier")
    assert await refused(staff, "pack", one.id) == (409, "ships_from_supplier")
    assert await refused(staff, "ship", one.id) == (422, "tracking_missing")
    for _ in range(2):
        answer = await done(staff, "ship", one.id, SHIPPED)
        assert (answer["status"], answer["tracking_no"]) == ("shipped", "SF1000")
    assert await refused(staff, "ship", one.id, SHIPPED | {"tracking_no": "SF2"}) == (409, "already_shipped")
    assert await refused(staff, "refuse", one.id, {"reason": "other"}) == (409, "already_shipped")
    assert await level(staff, one.sku, code) == (3, 0)
    order = (await staff.get(f"/v1/orders/{one.order_no}")).json()
    assert (order["status"], order["shipments"][0]["tracking_no"]) == ("shipped", "SF1000")


async def test_what_a_supplier_refuses_another_one_ships(staff: ApiClient) -> None:
    one, code = await asked(staff)
    other = await supplier(staff, one.sku, 2)
    answer = await done(staff, "refuse", one.id, {"reason": "out_of_stock"})
    assert [short["fulfilment_id"] for short in answer["short"]] == [f"{one.order_no}-F2"]
    assert (answer["status"], answer["lines"]) == ("cancelled", [])
    assert await level(staff, one.sku, code) == (3, 0)
    assert await level(staff, one.sku, other) == (2, 2)
    assert (await done(staff, "refuse", one.id, {"reason": "out_of_stock"}))["short"] == []
    assert await refused(staff, "ship", one.id, SHIPPED) == (409, "fulfilment_cancelled")


async def test_only_what_a_supplier_ships_is_refused_and_for_a_reason(staff: ApiClient) -> None:
    own = await booked(staff)
    assert await refused(staff, "refuse", own.id, {"reason": "other"}) == (409, "not_from_supplier")
    assert await refused(staff, "ship", own.id, SHIPPED) == (422, "tracking_not_named")
    one, _ = await asked(staff)
    for body in ({}, {"reason": "tired"}, {"reason": 1}, {"reason": "other", "more": 1}):
        assert (await does(staff, "refuse", one.id, body)).status_code == 422, body
    for bad in ("", " ", "x" * 65, "a\x00"):
        assert (await does(staff, "ship", one.id, SHIPPED | {"tracking_no": bad})).status_code == 422, bad
    assert (await does(staff, "refuse", "nothing-F1", {"reason": "other"})).status_code == 404


async def test_a_supplier_is_no_default_and_has_a_lead_time(staff: ApiClient) -> None:
    code = await supplier(staff, await stocked(staff), 1)
    known = (await staff.get(f"/v1/warehouses/{code}")).json()
    assert (known["kind"], known["lead_time_days"]) == ("supplier", 2)

    async def change(body: dict[str, Any]) -> tuple[int, Any]:
        headers = {**staff.headers, "If-Match": "*", "Idempotency-Key": unique("k")}
        answer = await staff.http.patch(f"/v1/warehouses/{code}", json=body, headers=headers)
        return answer.status_code, answer.json()

    status, problem = await change({"is_default": True})
    assert (status, problem["code"]) == (422, "default_warehouse_supplier")
    assert (await change({"lead_time_days": 5}))[1]["lead_time_days"] == 5
    for bad in (-1, 91, "2", None):
        assert (await change({"lead_time_days": bad}))[0] == 422
    assert (await change({"kind": "warehouse"}))[1]["code"] == "unknown_field"
    new = {"code": unique("SUP"), "name": "x", **PLACE, "kind": "shop"}
    assert (await staff.post("/v1/warehouses", new)).status_code == 422


async def test_a_promise_of_a_supplier_has_its_lead_time(staff: ApiClient) -> None:
    sku = await stocked(staff, units=1)
    code = await supplier(staff, sku, 9)
    own = (await staff.get("/v1/availability", sku=sku, quantity=1, **PLACE)).json()["plan"]
    theirs = (await staff.get("/v1/availability", sku=sku, quantity=9, **PLACE)).json()["plan"]
    assert [one["warehouse"] for one in own] == [HOUSE]
    assert [one["warehouse"] for one in theirs] == [code]
    assert theirs[0]["ships_by"] > own[0]["ships_by"]


RATES = [{"transit_from_days": 1, "transit_to_days": 2}] * 4


@pytest.mark.parametrize(("suppliers", "expected"), [("last", "own"), ("equal", "supplier"), ("never", "own")])
async def test_a_strategy_says_when_it_takes_suppliers(staff: ApiClient, suppliers: str, expected: str) -> None:
    """The supplier is nearer."""
    sku = await stocked(staff, units=5)
    code = await supplier(staff, sku, 9)
    strategy = {"name": "S", "criteria": [{"kind": "region", "weight": 1}], "suppliers": suppliers}
    body = {"name": "P", "reason": "r", "strategies": [strategy], "rates": RATES}
    kept = (await staff.post("/v1/sourcing/profiles", body)).json()
    assert kept["strategies"][0]["suppliers"] == suppliers
    activation = {"reason": "r", "accept_excluded": True}
    assert (await staff.post(f"/v1/sourcing/profiles/{kept['version']}/activate", activation)).status_code == 200
    found = (await staff.get("/v1/availability", sku=sku, quantity=2, **PLACE)).json()
    assert [one["warehouse"] for one in found["plan"]] == [HOUSE if expected == "own" else code]
    more = (await staff.get("/v1/availability", sku=sku, quantity=8, **PLACE)).json()
    assert more["available"] == (suppliers != "never")
