"""Warehouses are listed and changed; one of them is the default."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.api.conftest import ApiClient, unique


async def patch(shop: ApiClient, code: str, body: dict[str, Any], tag: str = "*") -> httpx.Response:
    headers = shop.as_("operations", "otto").headers | {"Idempotency-Key": unique("key"), "If-Match": tag}
    return await shop.http.patch(f"/v1/warehouses/{code}", json=body, headers=headers)


async def test_warehouses_are_listed_by_preference(shop: ApiClient) -> None:
    items = (await shop.get("/v1/warehouses")).json()["items"]
    assert [item["code"] for item in items][:3] == ["WH-EAST", "WH-SOUTH", "WH-NORTH"]
    one = await shop.get("/v1/warehouses/WH-EAST")
    assert one.json() == items[0] and one.headers["etag"] == f'"{items[0]["version"]}"'
    missing = await shop.get("/v1/warehouses/NONE")
    assert (missing.status_code, missing.json()["code"]) == (404, "warehouse_not_found")


async def test_a_change_needs_the_version_and_is_audited(shop: ApiClient) -> None:
    changed = await patch(shop, "WH-NORTH", {"name": "North 2", "priority": 40}, '"1"')
    assert (changed.status_code, changed.json()["priority"], changed.headers["etag"]) == (200, 40, '"2"')
    stale = await patch(shop, "WH-NORTH", {"name": "North 3"}, '"1"')
    assert (stale.status_code, stale.json()["code"]) == (412, "warehouse_changed")
    (entry,) = await shop.sql(
        "SELECT actor FROM audit_log WHERE action = 'warehouse_changed' AND after LIKE '%%North 2%%'"
    )
    assert entry["actor"] == "operations:otto"
    for body in ({}, {"name": ""}, {"country": "china"}, {"priority": -1}, {"is_default": False}, {"code": "X"}):
        assert (await patch(shop, "WH-NORTH", body)).status_code == 422, body


async def test_there_is_one_default_whoever_chooses_at_once(shop: ApiClient) -> None:
    answers = await asyncio.gather(
        *(patch(shop, code, {"is_default": True}) for code in ("WH-SOUTH", "WH-NORTH", "WH-SOUTH", "WH-EAST"))
    )
    assert {answer.status_code for answer in answers} == {200}
    items = (await shop.get("/v1/warehouses")).json()["items"]
    assert sum(item["is_default"] for item in items) == 1
    await patch(shop, "WH-EAST", {"is_default": True})


@pytest.mark.parametrize("code", ["%00", "x" * 500])
async def test_what_cannot_be_a_code_is_not_found(shop: ApiClient, code: str) -> None:
    assert (await patch(shop, code, {"name": "x"})).status_code == 404
