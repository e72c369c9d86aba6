"""Levels of all products, movements of one, and the units that are kept back."""

import re
from typing import Any

import psycopg

from infra.db.stock import stock_lists
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.stock.test_stock import new_sku, receive, reserve
from tests.conftest import DatabaseUrls


async def safety(shop: ApiClient, sku: str, quantity: Any, **more: Any) -> Any:
    body = {"sku": sku, "quantity": quantity, **more}
    return await shop.as_("operations", "otto").post("/v1/stock/safety-stock", body)


async def listed(shop: ApiClient, **filters: Any) -> list[tuple[str, str]]:
    items = (await shop.get("/v1/stock", **filters)).json()["items"]
    return [(item["sku"], item["warehouse"]) for item in items]


async def test_levels_are_filtered_and_paged(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    for warehouse in ("WH-SOUTH", "WH-EAST", "WH-NORTH"):
        await receive(shop, sku, 5, warehouse=warehouse)
    assert await listed(shop, q=sku) == [(sku, place) for place in ("WH-EAST", "WH-NORTH", "WH-SOUTH")]
    assert await listed(shop, q=sku.lower(), warehouse="WH-NORTH") == [(sku, "WH-NORTH")]
    first = (await shop.get("/v1/stock", q=sku, limit=2)).json()
    rest = (await shop.get("/v1/stock", q=sku, limit=2, cursor=first["next_cursor"])).json()
    assert [len(page["items"]) for page in (first, rest)] == [2, 1] and rest["next_cursor"] is None
    assert (await shop.get("/v1/stock", cursor="x")).json()["code"] == "invalid_cursor"


async def test_low_is_where_only_the_safety_stock_is_left(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    await receive(shop, sku, 5)
    assert await listed(shop, q=sku, low=True) == []
    answer = await safety(shop, sku, 5)
    assert (answer.status_code, answer.json()["available"], answer.json()["safety_stock"]) == (200, 0, 5)
    assert await listed(shop, q=sku, low=True) == [(sku, "WH-EAST")]
    (entry,) = await shop.sql(
        "SELECT * FROM audit_log WHERE action = 'safety_stock_set' AND reference = %s", f"{sku} WH-EAST"
    )
    assert (entry["actor"], entry["before"], entry["after"]) == ("operations:otto", "0", "5")


async def test_safety_stock_has_limits_and_needs_no_level_before(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    assert (await safety(shop, sku, 3, warehouse="WH-NORTH")).json()["safety_stock"] == 3
    for quantity in (-1, 10**12, 1.5, "3"):
        assert (await safety(shop, sku, quantity)).status_code == 422, quantity
    assert (await safety(shop, "NONE", 1)).status_code == 404
    assert (await safety(shop, sku, 1, warehouse="NONE")).json()["code"] == "unknown_warehouse"


async def test_fewer_units_kept_back_wake_a_backorder(shop: ApiClient) -> None:
    sku = await new_sku(shop)
    order_no = (await shop.post("/v1/orders", an_order(sku=sku))).json()["order_no"]
    await safety(shop, sku, 5)
    await receive(shop, sku, 5)
    await shop.sql('UPDATE orders SET waiting = \'{"what": "stock"}\' WHERE order_no = %s', order_no)
    assert (await safety(shop, sku, 2)).status_code == 200
    woken = await shop.sql("SELECT subject FROM workflow_requests WHERE name = 'stock_arrived'")
    assert order_no in {row["subject"] for row in woken}


async def test_movements_tell_who_and_why(shop: ApiClient) -> None:
    sku, reference = await new_sku(shop), unique("PO")
    await receive(shop, sku, 10, reference=reference)
    await reserve(shop, sku, 2)
    adjustment = {"sku": sku, "quantity": -3, "reason": "broken in the aisle"}
    assert (await shop.as_("warehouse", "wanda").post("/v1/stock/adjustments", adjustment)).status_code == 201
    items = (await shop.get(f"/v1/stock/{sku}/movements")).json()["items"]
    assert [(item["kind"], item["quantity"]) for item in items] == [("adjustment", -3), ("reserve", 2), ("receipt", 10)]
    assert (items[0]["actor"], items[0]["reference"]) == ("warehouse:wanda", "broken in the aisle")
    by_people = (await shop.get(f"/v1/stock/{sku}/movements", by_people=True)).json()["items"]
    assert [item["kind"] for item in by_people] == ["adjustment", "receipt"]
    first = (await shop.get(f"/v1/stock/{sku}/movements", limit=2)).json()
    rest = (await shop.get(f"/v1/stock/{sku}/movements", limit=2, cursor=first["next_cursor"])).json()
    assert [item["movement_id"] for page in (first, rest) for item in page["items"]] == [
        item["movement_id"] for item in items
    ]
    assert (await shop.get("/v1/stock/%00/movements")).status_code == 404


async def test_what_people_booked_is_found_without_what_orders_did(database_url: DatabaseUrls) -> None:
    """Of a product that only orders moved, no row is read. The table of the session stands before that of the shop."""
    question = {":sku": "'HOT'", ":before": str(stock_lists.NEWEST), ":warehouse": "NULL", ":limit": "21"}
    statement = re.sub(
        r":(sku|before|warehouse|limit)\b", lambda found: question[found[0]], stock_lists._BY_PEOPLE.text
    )
    async with await psycopg.AsyncConnection.connect(database_url.owner_url) as conn:
        await conn.execute("CREATE TEMPORARY TABLE stock_movements (LIKE stock_movements INCLUDING INDEXES)")
        await conn.execute(
            "INSERT INTO stock_movements (movement_id, idempotency_key, kind, sku, warehouse, quantity, on_hand_delta,"
            " reserved_delta, quarantined_delta, order_no, actor, created_at, duplicate)"
            " SELECT n, n::text, 'ship', 'HOT', 'W', 1, -1, -1, 0, 'O', 'system', now(), false"
            " FROM generate_series(1, 20000) n"
        )
        await conn.execute("ANALYZE stock_movements")
        plan = "\n".join(line for (line,) in await (await conn.execute(f"EXPLAIN (ANALYZE) {statement}")).fetchall())
    assert "Rows Removed" not in plan and "Sort" not in plan, plan
