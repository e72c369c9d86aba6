"""The report of Home: today beside last week, what waits, and what each role may see."""

import asyncio
from typing import Any

import pytest

from infra.db.read_models import business
from tests.api.conftest import ApiClient, an_order, unique

MOVED = "UPDATE orders SET created_at = created_at - %s::interval WHERE order_no = ANY(%s) RETURNING order_no"


async def placed(shop: ApiClient, number: int = 1) -> list[str]:
    answers = [await shop.as_("support").post("/v1/orders", an_order()) for _ in range(number)]
    return [answer.json()["order_no"] for answer in answers]


async def read(shop: ApiClient, role: str = "finance") -> dict[str, Any]:
    shop.app.state.services.home.forget()
    answer = await shop.as_(role).get("/v1/reports/home")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_today_stands_beside_the_same_day_last_week(shop: ApiClient) -> None:
    before = await read(shop)
    moved = await placed(shop, 3)
    await shop.sql("ALTER TABLE orders DISABLE TRIGGER USER")
    await shop.sql(MOVED, "7 days", moved[:2])
    await shop.sql("ALTER TABLE orders ENABLE TRIGGER USER")
    after = await read(shop)
    grown = {name: after["orders"][name] - before["orders"][name] for name in ("today", "last_week_same_time")}
    assert grown == {"today": 1, "last_week_same_time": 2}
    (sales,) = after["sales"]
    assert (
        sales["currency"] == "CNY"
        and sales["last_week_same_time_minor"] == 2 * sales["today_minor"] // after["orders"]["today"]
    )
    assert sum(hour["last_week"] for hour in after["orders"]["by_hour"]) == after["orders"]["last_week"]
    received = next(one for one in after["statuses"] if one["status"] == "received")
    assert received["orders"] >= 3 and not received["at_least"]


async def test_what_a_role_may_not_see_is_not_there(shop: ApiClient) -> None:
    hidden = {"sales", "attention", "refunds"}
    report = await read(shop, "warehouse")
    assert {name for name, value in report.items() if value is None} >= hidden
    for role in ("support", "finance", "operations", "admin"):
        report = await read(shop, role)
        assert not [name for name in hidden if report[name] is None], role


async def test_what_needs_attention_is_grouped_with_its_money(shop: ApiClient) -> None:
    (order_no,) = await placed(shop)
    error = unique("code").replace("-", "_")
    await shop.sql(
        "INSERT INTO parked_steps (order_no, park_no, step, error, provider, attempts, options, amount_minor,"
        " escalate_at) VALUES (%s, 1, 'book', %s, 'sandbox', 5, '{retry}', 8500, now() + interval '1 h')",
        order_no,
        error,
    )
    group = next(one for one in (await read(shop))["attention"] if one["error"] == error)
    assert (group["orders"], group["retrying"], group["amount_minor"], group["currency"]) == (1, 0, 8500, "CNY")


async def test_what_is_sold_out_is_named(shop: ApiClient) -> None:
    sku = unique("GONE")
    product = {"sku": sku, "name": "Gone kettle", "price_minor": 100, "currency": "CNY"}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    clerk = shop.as_("warehouse")
    receipt = {"sku": sku, "quantity": 1, "reference": unique("r")}
    assert (await clerk.post("/v1/stock/receipts", receipt)).status_code == 201
    loss = {"sku": sku, "quantity": -1, "reason": "broken"}
    assert (await clerk.post("/v1/stock/adjustments", loss)).status_code == 201
    low = (await read(shop, "warehouse"))["low_stock"]
    assert sku in [one["sku"] for one in low["items"]]


async def test_from_placing_to_shipping_is_measured(shop: ApiClient) -> None:
    order_no = (await placed(shop))[0]
    report = await read(shop)
    assert report["placed_to_shipped"] is None
    await shop.sql("ALTER TABLE orders DISABLE TRIGGER USER")
    await shop.sql(
        "UPDATE orders SET status = 'shipped', created_at = now() - interval '3 h' WHERE order_no = %s", order_no
    )
    await shop.sql("ALTER TABLE orders ENABLE TRIGGER USER")
    await shop.sql("ALTER TABLE order_events DISABLE TRIGGER USER")
    await shop.sql(
        "INSERT INTO order_events (order_no, seq, type, from_status, to_status, actor, occurred_at)"
        " VALUES (%s, 99, 'shipment_picked_up', 'preparing', 'shipped', 'system', now() - interval '1 h')",
        order_no,
    )
    await shop.sql("ALTER TABLE order_events ENABLE TRIGGER USER")
    measured = (await read(shop))["placed_to_shipped"]
    assert measured["orders"] == 1 and measured["median_s"] == pytest.approx(7200, abs=60)


async def test_many_readers_ask_the_database_once(shop: ApiClient) -> None:
    home = shop.app.state.services.home
    home.forget()
    first = await home.read()
    assert all(found is first for found in await asyncio.gather(*(home.read() for _ in range(20))))
    home.forget()
    assert await home.read() is not first


async def test_days_stand_beside_as_many_days_before(shop: ApiClient) -> None:
    moved = await placed(shop, 3)
    await shop.sql("ALTER TABLE orders DISABLE TRIGGER USER")
    await shop.sql(MOVED, "8 days", moved[:2])
    await shop.sql("ALTER TABLE orders ENABLE TRIGGER USER")
    shop.app.state.services.home.forget()
    week, month = [(await shop.as_("finance").get("/v1/reports/sales", days=days)).json() for days in (7, 30)]
    assert [len(week["by_day"]), len(month["by_day"])] == [7, 30] and not week["too_many"]
    assert week["before"] >= 2 and month["orders"] >= week["orders"] + 2
    assert sum(day["orders"] for day in week["by_day"]) == week["orders"]
    (sales,) = week["sales"]
    assert sum(day["before_minor"] for day in sales["by_day"]) == sales["before_minor"] > 0
    assert (await shop.as_("finance").get("/v1/reports/sales", days=8)).status_code == 422


async def test_a_report_on_more_orders_than_it_reads_says_so(shop: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    await placed(shop, 2)
    monkeypatch.setattr(business, "MOST_IN_DAYS", 1)
    shop.app.state.services.home.forget()
    report = (await shop.as_("finance").get("/v1/reports/sales", days=7)).json()
    assert (report["too_many"], report["orders"], report["sales"]) == (True, 0, [])
    shop.app.state.services.home.forget()
