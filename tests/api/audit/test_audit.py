"""Who, what, from what to what, where from: each act's entry in the audit log, and the log over HTTP."""

import json
from typing import Any

import pytest

from tests.api.conftest import ApiClient, an_order, settings_for, unique
from tests.conftest import DatabaseUrls
from workers.cli.audit.audit import faults_of

FROM_API = "api 127.0.0.1"


async def entries(api: ApiClient, reference: str) -> list[dict[str, Any]]:
    """Entries that name `reference`, oldest first."""
    return await api.sql(
        "SELECT actor, action, before, after, origin FROM audit_log WHERE reference = %s ORDER BY entry_id", reference
    )


async def test_products_say_what_they_were(shop: ApiClient) -> None:
    sku = unique("AUD")
    product = {"sku": sku, "name": "Oolong", "price_minor": 900, "currency": "CNY"}
    assert (await shop.as_("operations", "olga").post("/v1/products", product)).status_code == 201
    (added,) = await entries(shop, sku)
    assert (added["actor"], added["action"], added["before"]) == ("operations:olga", "product_added", None)
    assert json.loads(added["after"]) == {
        **{name: product[name] for name in ("name", "price_minor", "currency")},
        **{
            "active": True,
            "weight_g": 500,
            "names": {},
            "barcode": None,
            "tax_category": "standard",
            "category": None,
            "picture_id": None,
            "kind": "physical",
            "lead_time_days": None,
            "delivered_by": "code",
            "confirmed_after_days": None,
            **{f"presale_{name}": None for name in ("deposit_minor", "balance_due", "ships_from")},
        },
    }
    assert added["origin"] == FROM_API
    await shop.sql("UPDATE products SET price_minor = 950, active = false, updated_at = now() WHERE sku = %s", sku)
    await shop.sql("UPDATE products SET updated_at = now() WHERE sku = %s", sku)  # nothing that counts
    _, changed = await entries(shop, sku)
    assert (changed["actor"], changed["action"], changed["origin"]) == ("system", "product_changed", None)
    assert json.loads(changed["before"]) == {"price_minor": 900, "active": True}
    assert json.loads(changed["after"]) == {"price_minor": 950, "active": False}


async def test_warehouses_and_safety_stock(shop: ApiClient) -> None:
    code = unique("WH")
    place = {"code": code, "name": "West", "country": "CN", "province": "四川省", "city": "成都市", "priority": 40}
    assert (await shop.as_("operations", "olga").post("/v1/warehouses", place)).status_code == 201
    await shop.sql("UPDATE warehouses SET priority = 5 WHERE code = %s", code)
    added, changed = await entries(shop, code)
    assert (added["actor"], added["action"], added["origin"]) == ("operations:olga", "warehouse_added", FROM_API)
    assert json.loads(added["after"])["city"] == "成都市"
    assert (changed["before"], changed["after"]) == ('{"priority": 40}', '{"priority": 5}')
    await shop.sql("INSERT INTO stock_levels (sku, warehouse) VALUES ('TEA-2', %s)", code)
    await shop.sql("UPDATE stock_levels SET safety_stock = 7 WHERE warehouse = %s", code)
    (level,) = await entries(shop, f"TEA-2 {code}")
    assert (level["action"], level["before"], level["after"]) == ("safety_stock_set", "0", "7")


async def test_webhook_endpoints_come_and_go_by_somebody(shop: ApiClient) -> None:
    body = {"url": "https://1.1.1.1/hooks", "event_types": ["order_placed"]}
    added = await shop.as_("operations", "olga").post("/v1/webhook-endpoints", body)
    endpoint_id, secret = added.json()["endpoint_id"], added.json()["secret"]
    gone = await shop.as_("admin", "ada").delete(f"/v1/webhook-endpoints/{endpoint_id}")
    assert gone.status_code == 204
    appeared, went = await entries(shop, endpoint_id)
    assert (appeared["actor"], appeared["action"], appeared["origin"]) == (
        "operations:olga",
        "webhook_endpoint_added",
        FROM_API,
    )
    assert (went["actor"], went["action"], went["origin"]) == ("admin:ada", "webhook_endpoint_removed", FROM_API)
    assert (
        json.loads(appeared["after"])
        == json.loads(went["before"])
        == {
            **body,
            "stock_channels": [],
            "active": True,
        }
    )
    assert secret not in str(appeared) + str(went)


async def test_stock_says_where_from(shop: ApiClient) -> None:
    receipt = {"sku": "TEA-1", "quantity": 3, "reference": unique("PO")}
    answer = await shop.as_("warehouse", "wu").post("/v1/stock/receipts", receipt)
    (entry,) = await entries(shop, str(answer.json()["movement_id"]))
    assert (entry["actor"], entry["action"], entry["origin"]) == ("warehouse:wu", "stock_receipt", FROM_API)
    # The next one on the same connection is not attributed to this person.
    await shop.as_("customer", "c-9").post("/v1/orders", an_order(customer=an_order()["customer"] | {"id": "c-9"}))
    (placed,) = await shop.sql("SELECT actor, origin FROM audit_log ORDER BY entry_id DESC LIMIT 1")
    assert placed == {"actor": "customer:c-9", "origin": None}


@pytest.mark.parametrize(("role", "origin"), [("support", FROM_API), ("customer", None), ("channel", None)])
async def test_placing_says_where_staff_placed_from(shop: ApiClient, role: str, origin: str | None) -> None:
    caller = shop.as_(role, "c-17" if role == "customer" else "web")
    for customer in ("c-17", "c-17"):  # new to the database, and known
        order = an_order(customer=an_order()["customer"] | {"id": customer})
        order_no = (await caller.post("/v1/orders", order)).json()["order_no"]
        rows = await shop.sql("SELECT action, origin FROM audit_log WHERE order_no = %s", order_no)
        assert rows == [{"action": "order_placed", "origin": origin}]


async def test_asking_to_cancel_or_to_pay_says_where_from(shop: ApiClient) -> None:
    order_no = (await shop.post("/v1/orders", an_order(payment=None))).json()["order_no"]
    # No Temporal here: the workflow hears of nothing, and that somebody asked is known all the same.
    assert (await shop.post(f"/v1/orders/{order_no}/cancel", {"reason": "x"})).status_code == 503
    await shop.sql("INSERT INTO order_events (order_no, type, from_status, to_status, actor) "
                   "VALUES (%s, 'stock_reserved', 'received', 'pending_payment', 'system')", order_no)  # fmt: skip
    paid = await shop.post(f"/v1/orders/{order_no}/payments", {"method": "sandbox", "token": "tok_ok"})
    assert paid.status_code == 503, paid.text
    rows = await shop.sql(
        "SELECT actor, action, after, origin FROM audit_log WHERE order_no = %s AND action LIKE '%%asked' "
        "ORDER BY order_count", order_no,
    )  # fmt: skip
    assert rows == [
        {"actor": "support:amy", "action": "cancel_asked", "after": None, "origin": FROM_API},
        {"actor": "support:amy", "action": "payment_asked", "after": "sandbox", "origin": FROM_API},
    ]


async def test_a_customer_who_cancels_leaves_no_address(shop: ApiClient) -> None:
    order = an_order(customer=an_order()["customer"] | {"id": "c-8"})
    caller = shop.as_("customer", "c-8")
    order_no = (await caller.post("/v1/orders", order)).json()["order_no"]
    assert (await caller.post(f"/v1/orders/{order_no}/cancel", {"reason": "x"})).status_code == 503
    # Nor would one be kept that a service named.
    await shop.sql(
        "WITH said AS (SELECT set_config('oms.origin', 'api 10.0.0.9', true)) "
        "INSERT INTO audit_log (actor, action, order_no) SELECT actor, 'said', %s "
        "FROM said, (VALUES ('customer:c-8'), ('channel:web'), ('support:amy')) v(actor)",
        order_no,
    )
    rows = await shop.sql("SELECT actor, origin FROM audit_log WHERE order_no = %s ORDER BY order_count", order_no)
    assert [tuple(row.values()) for row in rows] == [
        ("customer:c-8", None),
        ("customer:c-8", None),
        ("channel:web", None),
        ("support:amy", "api 10.0.0.9"),
    ]


# ── over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_log_of_an_order_and_of_a_person_in_pages(shop: ApiClient) -> None:
    actor = unique("olga")
    operations = shop.as_("operations", actor)
    for _ in range(5):
        product = {"sku": unique("P"), "name": "Tea", "price_minor": 1, "currency": "CNY"}
        assert (await operations.post("/v1/products", product)).status_code == 201
    numbers: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        answer = (await operations.get("/v1/audit", actor=f"operations:{actor}", limit=2, **cursor)).json()
        numbers += [item["number"] for item in answer["items"]]
        assert answer["chain"]["count"] == 5 and len(answer["chain"]["head"]) == 64
        if answer["next_cursor"] is None:
            break
        cursor = {"cursor": answer["next_cursor"]}
    assert numbers == [5, 4, 3, 2, 1]
    item = answer["items"][-1]
    assert set(item) == {"entry_id", "number", "occurred_at", "actor", "action", "order_no", "before", "after",
                         "reference", "origin"}  # fmt: skip
    order_no = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    answer = (await operations.get("/v1/audit", order_no=order_no)).json()
    assert [entry["action"] for entry in answer["items"]] == ["order_placed"]
    assert answer["items"][0]["after"] == "received" and answer["chain"]["count"] == 1


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({}, 422, "audit_subject_needed"),
        ({"order_no": "0F9C9T-3J0000-00000X", "actor": "support:amy"}, 422, "audit_subject_needed"),
        ({"order_no": "nonsense"}, 404, "order_not_found"),
        ({"order_no": "0F9C9T-3J0000-00000X"}, 404, "order_not_found"),
        ({"actor": ""}, 422, "validation_failed"),
        ({"actor": "a\x00b"}, 422, "invalid_text"),
        ({"actor": "support:amy", "cursor": "x"}, 422, "invalid_cursor"),
        ({"actor": "support:amy", "limit": 0}, 422, "validation_failed"),
    ],
)
async def test_bad_questions(shop: ApiClient, query: dict[str, Any], status: int, code: str) -> None:
    answer = await shop.as_("operations").get("/v1/audit", **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_nobody_unknown_has_entries(shop: ApiClient) -> None:
    answer = (await shop.as_("admin").get("/v1/audit", actor="support:nobody")).json()
    assert answer == {"items": [], "next_cursor": None, "chain": {"count": 0, "head": None}}


async def test_what_all_this_left_is_whole(shop: ApiClient, database_url: DatabaseUrls) -> None:
    assert await shop.sql("SELECT entry_id FROM audit_log WHERE origin IS NOT NULL LIMIT 1")
    assert await faults_of(settings_for(database_url)) == []
