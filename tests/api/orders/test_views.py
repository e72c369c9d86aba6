"""Saved views: own and shared, limits, who deletes them, and what the audit log says."""

from typing import Any

import pytest

from infra.db.orders.searching.saved_views import MAX_VIEWS
from tests.api.conftest import ApiClient, unique


def a_view(**changed: Any) -> dict[str, Any]:
    return {"name": unique("view"), "filters": {"status": "paid", "sort": "-total"}, **changed}


async def names_of(caller: ApiClient) -> set[str]:
    return {view["name"] for view in (await caller.get("/v1/order-views")).json()["items"]}


async def test_a_view_is_its_owners_until_it_is_shared(shop: ApiClient) -> None:
    amy, ben = shop.as_("support", unique("amy")), shop.as_("finance", unique("ben"))
    own, shared = a_view(), a_view(shared=True)
    for view in (own, shared):
        assert (await amy.post("/v1/order-views", view)).status_code == 201
    assert await names_of(amy) >= {own["name"], shared["name"]}
    assert shared["name"] in await names_of(ben) and own["name"] not in await names_of(ben)


async def test_a_name_is_taken_once_by_each_owner_in_any_case(shop: ApiClient) -> None:
    amy, ben, view = shop.as_("support", unique("amy")), shop.as_("support", unique("ben")), a_view()
    assert (await amy.post("/v1/order-views", view)).status_code == 201
    again = await amy.post("/v1/order-views", view | {"name": view["name"].upper()})
    assert (again.status_code, again.json()["code"]) == (409, "view_name_taken")
    assert (await ben.post("/v1/order-views", view)).status_code == 201


async def test_a_person_has_at_most_fifty_views(shop: ApiClient) -> None:
    name = unique("amy")
    await shop.sql(
        "INSERT INTO saved_views (view_id, owner, name, filters)"
        " SELECT 'view_' || md5(%s || n), %s, 'v' || n, '{}' FROM generate_series(1, %s) n",
        name, name, MAX_VIEWS,
    )  # fmt: skip
    answer = await shop.as_("support", name).post("/v1/order-views", a_view())
    assert (answer.status_code, answer.json()["code"]) == (409, "too_many_views")


async def test_a_program_with_a_long_name_has_no_views(shop: ApiClient) -> None:
    answer = await shop.as_("support", "s" * 65).post("/v1/order-views", a_view())
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


async def test_its_owner_deletes_a_view_and_an_admin_a_shared_one(shop: ApiClient) -> None:
    amy, ben, root = (shop.as_(role, unique(role)) for role in ("support", "finance", "admin"))
    own, shared = [(await amy.post("/v1/order-views", a_view(shared=one))).json()["view_id"] for one in (False, True)]
    for caller, view_id, status in ((ben, shared, 404), (root, own, 404), (root, shared, 204), (amy, own, 204)):
        assert (await caller.delete(f"/v1/order-views/{view_id}")).status_code == status
    entries = await shop.sql("SELECT action, actor FROM audit_log WHERE reference = %s ORDER BY entry_id", shared)
    assert [entry["action"] for entry in entries] == ["saved_view_added", "saved_view_removed"]
    assert entries[1]["actor"].startswith("admin:")


async def test_a_view_keeps_customer_days_and_both_statuses(shop: ApiClient) -> None:
    filters = {"payment_status": "paid", "fulfilment_status": "unfulfilled", "customer": "c-1", "created_last_days": 7}
    filters |= {"created_from": "2026-01-01", "created_to": "2026-12-31"}
    amy = shop.as_("support", unique("amy"))
    made = (await amy.post("/v1/order-views", a_view(filters=filters))).json()
    views = (await amy.get("/v1/order-views")).json()["items"]
    (view,) = [one for one in views if one["view_id"] == made["view_id"]]
    assert made["filters"] == view["filters"] == filters
    assert (await amy.get("/v1/orders", **view["filters"])).status_code == 200, "they are parameters of the list"


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""},
        {"name": "x" * 61},
        {"name": "a\nb"},
        {"filters": {"q": "ann@example.com"}},
        {"filters": {"created_from": "2026-02-30"}},
        {"filters": {"created_last_days": 0}},
        {"filters": {"payment_status": "gone"}},
        {"filters": {"status": "lost"}},
        {"filters": {"sort": "name"}},
        {"shared": "yes"},
    ],
)
async def test_a_view_keeps_no_search_and_only_known_filters(shop: ApiClient, changed: dict[str, Any]) -> None:
    assert (await shop.as_("support").post("/v1/order-views", a_view(**changed))).status_code == 422
