"""Replenishment over the front door: demand as it was ordered, suggestions with why, and nothing ordered twice."""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from infra.db.replenishment import demand
from infra.db.stock import reservations
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.stock.test_stock import level, new_sku, receive
from workers.relay.replenisher import Replenisher

# The first day that is not counted; a day is counted a while after it is over.
TODAY = demand.last_day(datetime.now(UTC)) + timedelta(days=1)
RULE = {"lead_time_days": 9.0, "supplier": "Hills of Anxi", "window_days": 10}


async def rule(shop: ApiClient, **values: Any) -> Any:
    answer = await shop.http.put(
        "/v1/replenishment/rules", json=RULE | values, headers=shop.as_("operations").headers
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sold(shop: ApiClient, sku: str, days: dict[int, int], *, reserved: bool = True, **more: Any) -> list[str]:
    """Orders of so many days ago, 1 the last that is over: {days: units}."""
    numbers, last = [], datetime.combine(TODAY - timedelta(days=1), time(12), UTC)
    for ago, units in days.items():
        answer = await shop.post("/v1/orders", an_order(sku, units, **more))
        assert answer.status_code == 201, answer.text
        numbers.append(answer.json()["order_no"])
        if reserved:
            async with shop.app.state.services.database.begin() as conn:
                await reservations.reserve_at(conn, numbers[-1], "WH-EAST")
        at = last - timedelta(days=ago - 1)
        await shop.sql("UPDATE orders SET created_at = %s WHERE order_no = %s", at, numbers[-1])
    await shop.sql("UPDATE products SET created_at = now() - interval '100 days' WHERE sku = %s", sku)
    return numbers


async def calculated(shop: ApiClient, *, recounted: bool = True) -> None:
    """As the relay does it."""
    if recounted:
        await shop.sql("DELETE FROM stock_demand_days")
        await shop.sql("DELETE FROM stock_demand")
    services = shop.app.state.services
    assert (await shop.as_("operations").post("/v1/replenishment/runs", {})).status_code == 202
    replenisher = Replenisher(services.database, services.settings)
    while await replenisher.step():
        pass


async def suggested(shop: ApiClient, sku: str) -> dict[str, Any] | None:
    items = (await shop.get("/v1/replenishment/suggestions", limit=200)).json()["items"]
    return next((one for one in items if (one["sku"], one["warehouse"]) == (sku, "WH-EAST")), None)


async def ordered(shop: ApiClient, *skus: str, **more: Any) -> Any:
    lines = [{"sku": sku, "warehouse": "WH-EAST"} for sku in skus]
    return await shop.as_("operations").post("/v1/replenishment/suggestions/order", {"lines": lines} | more)


async def test_demand_lead_time_and_stock_say_what_to_order_and_why(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 100)
    await rule(shop, sku=sku, pack_size=12)
    await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    found = await suggested(shop, sku)
    assert found is None, "60 are left, 40 are needed in ten days"
    await shop.as_("operations").post(
        "/v1/stock/safety-stock", {"sku": sku, "warehouse": "WH-EAST", "quantity": 35}
    )  # fmt: skip
    await calculated(shop)
    found = await suggested(shop, sku)
    assert found is not None
    why = {name: found[name] for name in ("demand_per_day", "deviation", "pattern", "demand_days", "reorder_point")}
    assert why == {
        "demand_per_day": 4.0, "deviation": 0.0, "pattern": "smooth", "demand_days": 10, "reorder_point": 40
    }  # fmt: skip
    assert (found["on_hand"], found["reserved"], found["kept_back"], found["position"]) == (100, 40, 35, 25)
    assert (found["quantity"], found["supplier"], found["lead_time_days"]) == (24, "Hills of Anxi", 9.0)


async def test_a_suggestion_is_ordered_once_however_often_it_is_asked(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 50)
    await rule(shop, sku=sku)
    await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    answers = await asyncio.gather(*(ordered(shop, sku) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("code") for answer in answers} == {None, "nothing_to_replenish"}
    number = next(answer.json()["purchase_orders"][0] for answer in answers if answer.status_code == 201)
    made = (await shop.get(f"/v1/purchase-orders/{number}")).json()
    assert (made["supplier"], made["expected_on"]) == (
        "Hills of Anxi",
        (datetime.now(UTC).date() + timedelta(days=9)).isoformat(),
    )
    assert (await level(shop, sku))["incoming"] == made["lines"][0]["quantity"] == 30
    assert await suggested(shop, sku) is None
    await calculated(shop, recounted=False)
    assert await suggested(shop, sku) is None, "what is incoming counts"


async def test_what_arrived_meanwhile_is_not_ordered(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 50)
    await rule(shop, sku=sku)
    await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    await receive(shop, sku, 500)
    answer = await ordered(shop, sku)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_replenish")
    assert (await level(shop, sku))["incoming"] == 0


async def test_an_automatic_rule_orders_once_for_each_supplier_and_is_audited(shop: ApiClient) -> None:
    skus = [await new_sku(shop) for _ in range(3)]
    for sku, supplier in zip(skus, ("Rule A", "Rule A", "Rule B"), strict=True):
        await receive(shop, sku, 50)
        await rule(shop, sku=sku, supplier=supplier, automatic=True)
        await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    await calculated(shop, recounted=False)
    placed = await shop.sql(
        """SELECT supplier, created_by, (SELECT array_agg(sku ORDER BY sku) FROM purchase_order_lines l
                                          WHERE l.number = p.number) AS skus
             FROM purchase_orders p WHERE supplier LIKE 'Rule %%' ORDER BY supplier"""
    )
    assert [(one["supplier"], one["created_by"], one["skus"]) for one in placed] == [
        ("Rule A", "system", sorted(skus[:2])), ("Rule B", "system", [skus[2]]),
    ]  # fmt: skip
    said = await shop.sql(
        "SELECT count(*) AS n FROM audit_log WHERE action = 'purchase_order_added' AND actor = 'system'"
    )
    assert said[0]["n"] == 2


async def test_orders_that_no_stock_could_serve_are_demand(shop: ApiClient) -> None:
    """Of three orders one was served, one waits, one was cancelled because nothing was there; a fourth was cancelled
    by its customer."""
    sku = await new_sku(shop)
    await receive(shop, sku, 4)
    await sold(shop, sku, {3: 4})
    late = await sold(shop, sku, {3: 2}, reserved=False, backorder=True)
    refused = await sold(shop, sku, {3: 5}, reserved=False)
    given_up = await sold(shop, sku, {3: 90}, reserved=False)
    await shop.sql("UPDATE orders SET cancelling = 'out_of_stock' WHERE order_no = %s", refused[0])
    await shop.sql("UPDATE orders SET cancelling = 'customer' WHERE order_no = %s", given_up[0])
    await shop.sql('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', late[0])
    await calculated(shop)
    rows = await shop.sql("SELECT warehouse, day, units FROM stock_demand WHERE sku = %s", sku)
    assert [(row["warehouse"], row["day"], row["units"]) for row in rows] == [
        ("WH-EAST", TODAY - timedelta(days=3), 11)
    ]  # fmt: skip
    found = await suggested(shop, sku)
    assert found is not None and (found["waiting"], found["position"]) == (2, -2)


async def test_a_stock_out_goes_on_from_day_to_day_and_its_empty_days_are_left_out(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 20)
    await rule(shop, sku=sku)
    await sold(shop, sku, dict.fromkeys(range(7, 11), 5))
    async with shop.app.state.services.database.begin() as conn:
        for ago in (6, 5, 4, 3, 2, 1):
            await demand.note_stock_outs(conn, TODAY - timedelta(days=ago))
            await demand.note_stock_outs(conn, TODAY - timedelta(days=ago))
    spans = await shop.sql("SELECT first_day, last_day FROM stock_outs WHERE sku = %s", sku)
    assert [(one["first_day"], one["last_day"]) for one in spans] == [
        (TODAY - timedelta(days=6), TODAY - timedelta(days=1))
    ]  # fmt: skip
    await calculated(shop)
    found = await suggested(shop, sku)
    assert found is not None and (found["demand_per_day"], found["demand_days"]) == (5.0, 4)


async def test_the_rule_that_names_most_is_in_force(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 1)
    await sold(shop, sku, {1: 1})
    names: list[str] = []
    for number, scope in enumerate(({}, {"warehouse": "WH-EAST"}, {"sku": sku}, {"sku": sku, "warehouse": "WH-EAST"})):
        kept = await rule(shop, supplier=f"S{number}", min_order=5, **scope)
        names.append(kept["rule_id"])
        await calculated(shop)
        found = await suggested(shop, sku)
        assert found is not None and found["supplier"] == f"S{number}", scope
    for rule_id in names:
        gone = await shop.as_("operations").delete(f"/v1/replenishment/rules/{rule_id}")
        assert gone.status_code == 204
    again = await shop.as_("operations").delete(f"/v1/replenishment/rules/{names[0]}")
    assert (again.status_code, again.json()["code"]) == (404, "replenishment_rule_not_found")


async def test_without_a_supplier_the_order_names_one(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 1)
    await sold(shop, sku, {1: 1})
    await rule(shop, sku=sku, supplier="", min_order=5)
    await calculated(shop)
    refused = await ordered(shop, sku)
    assert (refused.status_code, refused.json()["code"], refused.json()["sku"]) == (422, "supplier_missing", sku)
    assert (await ordered(shop, sku, supplier="Market")).status_code == 201


async def test_a_run_goes_on_where_it_stopped(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.db.replenishment.runs.PAIRS_AT_ONCE", 2)
    for _ in range(5):
        await receive(shop, await new_sku(shop), 1)
    asked = (await shop.as_("operations").post("/v1/replenishment/runs", {})).json()
    same = (await shop.as_("operations").post("/v1/replenishment/runs", {})).json()
    assert same["run_id"] == asked["run_id"]
    services, steps = shop.app.state.services, 0
    while await Replenisher(services.database, services.settings).step():
        steps += 1
    run = (await shop.get("/v1/replenishment/runs")).json()["items"][0]
    pairs = (await shop.sql("SELECT count(*) AS n FROM stock_levels"))[0]["n"]
    assert (run["run_id"], run["pairs"]) == (asked["run_id"], pairs) and run["finished_at"] and steps > 2


async def warned(shop: ApiClient, sku: str) -> dict[str, int]:
    items = (await shop.get("/v1/stock/cases", limit=200)).json()["items"]
    return {one["kind"]: one["quantity"] for one in items if (one["sku"], one["warehouse"]) == (sku, "WH-EAST")}


async def test_what_will_run_out_is_a_case_until_enough_is_there(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 50)
    await rule(shop, sku=sku)
    await sold(shop, sku, dict.fromkeys(range(1, 11), 4))
    await calculated(shop)
    assert await warned(shop, sku) == {"low_stock": 10}
    await calculated(shop, recounted=False)
    assert await warned(shop, sku) == {"low_stock": 10}
    only = (await shop.get("/v1/stock/cases", kind="dead_stock", limit=200)).json()["items"]
    assert {one["kind"] for one in only} <= {"dead_stock"}
    await receive(shop, sku, 500)
    await calculated(shop, recounted=False)
    assert await warned(shop, sku) == {}


async def test_orders_that_wait_for_more_than_is_coming_are_a_case(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 1)
    late = await sold(shop, sku, {1: 7}, reserved=False, backorder=True)
    await shop.sql('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', late[0])
    await calculated(shop)
    assert (await warned(shop, sku))["oversold"] == 6


async def test_a_person_who_ends_a_case_of_dead_stock_is_not_asked_again_at_once(shop: ApiClient) -> None:
    dead, slow = await new_sku(shop), await new_sku(shop)
    for sku in (dead, slow):
        await receive(shop, sku, 900)
        await shop.sql("UPDATE products SET created_at = now() - interval '100 days' WHERE sku = %s", sku)
    await sold(shop, slow, {40: 2})
    await calculated(shop)
    assert await warned(shop, dead) == {"dead_stock": 900} and await warned(shop, slow) == {"ageing_stock": 900}
    items = (await shop.get("/v1/stock/cases", kind="dead_stock", limit=200)).json()["items"]
    case_id = next(one["case_id"] for one in items if one["sku"] == dead)
    ended = await shop.as_("operations").post(
        f"/v1/stock/cases/{case_id}/resolve", {"resolution": "corrected", "reason": "on offer from Monday"}
    )  # fmt: skip
    assert ended.status_code == 200
    await calculated(shop, recounted=False)
    assert await warned(shop, dead) == {}


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "no product": ({"sku": "NONE"}, 404, "product_not_found"),
    "no warehouse": ({"warehouse": "NONE"}, 422, "unknown_warehouse"),
    "certainty": ({"service_level": 1.0}, 422, "validation_failed"),
    "a negative lead time": ({"lead_time_days": -1.0}, 422, "validation_failed"),
    "no number": ({"lead_time_days": "NaN"}, 422, "validation_failed"),
    "packs of nothing": ({"pack_size": 0}, 422, "validation_failed"),
    "nobody to order from": ({"supplier": "", "automatic": True}, 422, "supplier_missing"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_rule_leaves_nothing(shop: ApiClient, name: str) -> None:
    change, status, code = BAD[name]
    before = await shop.row_counts()
    headers = shop.as_("operations").headers
    answer = await shop.http.put("/v1/replenishment/rules", json=RULE | change, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_bad_orders_of_suggestions_leave_nothing(shop: ApiClient) -> None:
    before = await shop.row_counts()
    for lines, status, code in (
        ([], 422, "lines_needed"),
        ([{"sku": unique("NONE"), "warehouse": "WH-EAST"}], 404, "suggestion_not_found"),
        ([{"sku": "TEA-1"}], 422, "validation_failed"),
    ):
        answer = await shop.as_("operations").post("/v1/replenishment/suggestions/order", {"lines": lines})
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before
