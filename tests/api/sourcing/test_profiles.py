"""Sourcing profiles: kept in versions, tried on past orders, activated with a reason."""

from copy import deepcopy
from typing import Any

import pytest

from infra.db.stock import profiled_candidates, reservations
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import placed, reserved, stocked

RATES = [
    {"parcel_minor": 600 + 300 * far, "kg_minor": 100, "transit_from_days": far, "transit_to_days": far + 1}
    for far in range(4)
]
LOCAL = {"name": "South", "condition": {"provinces": ["广东省"]}, "criteria": [{"kind": "distance", "weight": 100}]}
REST = {"name": "Rest", "criteria": [{"kind": "region", "weight": 100}, {"kind": "freight", "weight": 50}]}
PROFILE: dict[str, Any] = {"name": "Near", "reason": "cheaper", "strategies": [LOCAL, REST], "rates": RATES}


@pytest.fixture
def office(shop: ApiClient) -> ApiClient:
    return shop.as_("operations", "olga")


async def added(office: ApiClient, **changed: Any) -> dict[str, Any]:
    answer = await office.post("/v1/sourcing/profiles", PROFILE | changed)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def activated(office: ApiClient, version: int, **more: Any) -> Any:
    return await office.post(f"/v1/sourcing/profiles/{version}/activate", {"reason": "spring", **more})


async def test_a_version_is_kept_as_it_was_sent_and_decides_only_once_activated(office: ApiClient) -> None:
    known = await added(office)
    assert (known["active"], known["created_by"], known["rates"]) == (False, "operations:olga", RATES)
    south, rest = known["strategies"]
    assert (south["condition"]["provinces"], south["split_points"]) == (["广东省"], 1000)
    assert [one["kind"] for one in rest["criteria"]] == ["region", "freight"]
    assert (await activated(office, known["version"])).json()["active"] is True
    newer = await added(office)
    await activated(office, newer["version"])
    items = (await office.get("/v1/sourcing/profiles")).json()["items"]
    assert [one["version"] for one in items if one["active"]] == [newer["version"]]
    again = await activated(office, newer["version"])
    assert (again.status_code, again.json()["code"]) == (409, "profile_active")
    entries = (await office.get("/v1/audit", actor="operations:olga")).json()["items"]
    acts = [one["action"] for one in entries if one["reference"] == str(newer["version"])]
    assert sorted(acts) == ["sourcing_activation_added", "sourcing_profile_added"]


def _changed(path: str, value: Any) -> dict[str, Any]:
    body = deepcopy(PROFILE)
    at: Any = body
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        at = at[step]
    at[last] = value
    return body


@pytest.mark.parametrize(
    ("path", "value", "code", "field"),
    [
        ("strategies.0.criteria.0.weight", -1, "validation_failed", "strategies.0.criteria.0.weight"),
        ("strategies.0.criteria.0.exclude_below", 1.5, "validation_failed", "strategies.0.criteria.0.exclude_below"),
        ("strategies.0.criteria.0.kind", "luck", "validation_failed", "strategies.0.criteria.0.kind"),
        ("strategies.0.criteria", [], "validation_failed", "strategies.0.criteria"),
        ("strategies.1.criteria.1.kind", "region", "duplicate_criterion", "strategies.1.criteria"),
        ("strategies.0.split_points", 0, "validation_failed", "strategies.0.split_points"),
        ("strategies.0.max_fulfilments", 11, "validation_failed", "strategies.0.max_fulfilments"),
        ("strategies.0.condition.countries", ["cn"], "validation_failed", "strategies.0.condition.countries.0"),
        ("strategies.1.condition", {"channels": ["web"]}, "fallback_strategy_missing", "strategies.1.condition"),
        ("strategies.1.name", "South", "strategy_exists", "strategies.1.name"),
        ("strategies", [], "validation_failed", "strategies"),
        ("rates", RATES[:3], "validation_failed", "rates"),
        ("rates.1.transit_to_days", 0, "transit_backwards", "rates.1.transit_to_days"),
        ("rates.0.kg_minor", -1, "validation_failed", "rates.0.kg_minor"),
        ("name", " ", "blank_text", "name"),
        ("colour", "red", "unknown_field", "colour"),
    ],
)
async def test_a_bad_profile_is_refused_at_its_field(
    office: ApiClient, path: str, value: Any, code: str, field: str
) -> None:
    answer = await office.post("/v1/sourcing/profiles", _changed(path, value))
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_a_profile_is_tried_on_past_orders_before_it_decides(shop: ApiClient, office: ApiClient) -> None:
    """A warehouse with stock in the city of the orders takes them over where nearness counts more than the house."""
    sku, near = await stocked(shop), unique("ZNEAR")
    number = await placed(shop, sku)
    await reserved(shop, number)
    house = {"code": near, "name": near, "country": "CN", "province": "上海市", "city": "上海市", "priority": 900}
    assert (await office.post("/v1/warehouses", house)).status_code == 201
    receipt = {"sku": sku, "quantity": 20, "reference": unique("PO"), "warehouse": near}
    assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    load = {"name": "Least load", "criteria": [{"kind": "load", "weight": 100}]}
    version = (await added(office, strategies=[load]))["version"]
    found = (await office.get(f"/v1/sourcing/profiles/{version}/dry-run", orders=1)).json()
    assert (found["orders"], found["moved"], found["excluded"]) == (1, 1, 0)
    assert found["examples"] == [{"order_no": number, "before": ["WH-EAST"], "after": [near]}]
    assert found["freight_after_minor"] > 0


async def test_a_profile_that_excludes_every_warehouse_names_the_orders_that_it_would_hit(
    shop: ApiClient, office: ApiClient
) -> None:
    sku = await stocked(shop)
    number = await placed(shop, sku)
    await reserved(shop, number)
    away = {"name": "Same city only", "criteria": [{"kind": "region", "weight": 1, "exclude_below": 1}]}
    await shop.sql("UPDATE warehouses SET city = '苏州市', province = '江苏省'")
    version = (await added(office, strategies=[away]))["version"]
    refused = await activated(office, version)
    assert (refused.status_code, refused.json()["code"]) == (409, "profile_excludes_orders")
    assert number in refused.json()["excluded_orders"]
    assert refused.json()["excluded"] <= refused.json()["orders"]
    assert (await activated(office, version, accept_excluded=True)).json()["active"] is True
    back = (await added(office))["version"]
    assert (await activated(office, back)).status_code == 200


async def test_an_unknown_version_is_not_found(office: ApiClient) -> None:
    for version in (0, 999_999, 2**40):
        answer = await office.get(f"/v1/sourcing/profiles/{version}")
        assert (answer.status_code, answer.json()["code"]) == (404, "profile_not_found")
        assert (await activated(office, version)).json()["code"] == "profile_not_found"


async def test_the_profile_in_force_decides_where_an_order_ships_from(shop: ApiClient, office: ApiClient) -> None:
    sku, other = await stocked(shop), unique("ZNEXT")
    house = {"code": other, "name": other, "country": "CN", "province": "广东省", "city": "广州市", "priority": 900}
    assert (await office.post("/v1/warehouses", house)).status_code == 201
    receipt = {"sku": sku, "quantity": 20, "reference": unique("PO"), "warehouse": other}
    assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    far = {"name": "Only there", "criteria": [{"kind": "distance", "weight": 1}]}
    version = (await added(office, strategies=[far]))["version"]
    assert (await activated(office, version, accept_excluded=True)).status_code == 200
    for province, city, expected in (("广东省", "深圳市", other), ("江苏省", "苏州市", "WH-EAST")):
        number = await placed(shop, sku, ship_to={**an_order()["ship_to"], "province": province, "city": city})
        async with shop.app.state.services.database.begin() as conn:
            demand = await reservations.demand_of(conn, number)
            assert await profiled_candidates.candidates_of(conn, number, demand) == [expected]
        shown = (await shop.get(f"/v1/orders/{number}/sourcing")).json()
        assert (shown["profile_version"], shown["strategy"], shown["derived"]) == (version, "Only there", False)
        assert [share["warehouse"] for share in shown["chosen"]] == [expected]
