"""Holds and priority over HTTP; the database is real, no Temporal is needed for them."""

from typing import Any

import pytest

from activities.orders.lifecycle import OrderActivities
from infra.db.autocommit import autocommit
from infra.db.messaging import workflow_requests
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.split_orders import split
from workflows.payloads import OrderRef


async def placed(shop: ApiClient, **changed: Any) -> str:
    return str((await shop.post("/v1/orders", an_order(**changed))).json()["order_no"])


def hold_body(**changed: Any) -> dict[str, Any]:
    return {"kind": "manual", "reason": "the customer rang"} | changed


async def held(shop: ApiClient, order_no: str, **changed: Any) -> int:
    answer = await shop.post(f"/v1/orders/{order_no}/holds", hold_body(**changed))
    assert answer.status_code == 201, answer.text
    return int(answer.json()["hold_no"])


async def test_a_hold_is_put_on_shown_and_released(shop: ApiClient) -> None:
    order_no = await placed(shop)
    key = unique("key")
    first = await shop.post(f"/v1/orders/{order_no}/holds", hold_body(), key=key)
    assert (first.status_code, first.json()) == (
        201,
        {"order_no": order_no, "hold_no": 1, "kind": "manual", "owner": "support"},
    )
    again = await shop.post(f"/v1/orders/{order_no}/holds", hold_body(), key=key)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    (hold,) = order["holds"]
    assert (hold["kind"], hold["outcome"], hold["default_outcome"]) == ("manual", None, "release")
    assert order["waiting_for"] == {"what": "hold", "until": hold["until"], "next": "the order goes on"}
    released = await shop.post(f"/v1/orders/{order_no}/holds/1/release", {"reason": "all is well"})
    assert released.json() == {"order_no": order_no, "hold_no": 1, "outcome": "released", "kind": "manual"}
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert (order["holds"][0]["outcome"], order["waiting_for"]["what"]) == ("released", "reservation")
    refused = await shop.post(f"/v1/orders/{order_no}/holds/1/release", {"reason": "again"})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_held")


async def test_a_customer_sees_that_it_waits_and_not_why(shop: ApiClient) -> None:
    order_no = await placed(shop)
    await held(shop, order_no, kind="manual", reason="smells of fraud")
    order = (await shop.as_("customer", "c-17").get(f"/v1/orders/{order_no}")).json()
    assert "holds" not in order
    assert order["waiting_for"]["what"] == "hold"
    refused = await shop.as_("customer", "c-17").post(f"/v1/orders/{order_no}/holds", hold_body())
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kind": "whim"}, "validation_failed"),
        ({"reason": ""}, "validation_failed"),
        ({"reason": "a\x00b"}, "invalid_text"),
        ({"deadline_s": 0}, "validation_failed"),
        ({"deadline_s": 10**9}, "validation_failed"),
        ({"default_outcome": "sell"}, "validation_failed"),
        ({"owner": "customer"}, "unknown_owner"),
        ({"owner": "support:"}, "unknown_owner"),
        ({"outcome": "released"}, "unknown_field"),
    ],
)
async def test_bad_holds_are_refused_and_leave_nothing(shop: ApiClient, changed: dict[str, Any], code: str) -> None:
    order_no = await placed(shop)
    answer = await shop.post(f"/v1/orders/{order_no}/holds", hold_body(**changed))
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"] == code, answer.text
    assert not await shop.sql("SELECT 1 FROM holds WHERE order_no = %s", order_no)


async def test_one_hold_of_a_kind_at_a_time(shop: ApiClient) -> None:
    order_no = await placed(shop)
    await held(shop, order_no)
    refused = await shop.post(f"/v1/orders/{order_no}/holds", hold_body())
    assert (refused.status_code, refused.json()["code"]) == (409, "already_held")
    await held(shop, order_no, kind="address")


async def test_only_the_owner_and_operations_release(shop: ApiClient) -> None:
    order_no = await placed(shop)
    hold_no = await held(shop, order_no, kind="risk")
    path = f"/v1/orders/{order_no}/holds/{hold_no}/release"
    refused = await shop.post(path, {"reason": "please"})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert (await shop.as_("warehouse").post(path, {"reason": "please"})).status_code == 403
    assert (await shop.as_("finance").post(path, {"reason": "the card is his"})).status_code == 200
    missing = await shop.as_("finance").post(f"/v1/orders/{order_no}/holds/7/release", {"reason": "x"})
    assert (missing.status_code, missing.json()["code"]) == (404, "hold_not_found")


async def test_what_left_the_warehouse_is_not_held(shop: ApiClient) -> None:
    order_no = await placed(shop)
    for kind, before, after in (
        ("stock_reserved", "received", "pending_payment"),
        ("payment_captured", "pending_payment", "paid"),
        ("shipment_booked", "paid", "preparing"),
    ):
        await shop.sql(
            "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, %s, %s, %s, 'test')",
            order_no, kind, before, after,
        )  # fmt: skip
    refused = await shop.post(f"/v1/orders/{order_no}/holds", hold_body())
    assert (refused.status_code, refused.json()["code"]) == (409, "too_late_to_hold")


async def test_open_holds_by_deadline_in_pages(shop: ApiClient) -> None:
    owner = f"warehouse:{unique('w')}"
    numbers = [await placed(shop) for _ in range(5)]
    for place, order_no in enumerate(numbers):
        await held(shop, order_no, kind="stock", owner=owner, deadline_s=10_000 - 600 * place)
    observed: list[str] = []
    cursor: str | None = None
    while True:
        query: dict[str, Any] = {"owner": owner, "kind": "stock", "limit": 2} | ({"cursor": cursor} if cursor else {})
        answer = (await shop.get("/v1/support/holds", **query)).json()
        observed += [item["order_no"] for item in answer["items"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert observed == numbers[::-1]
    assert (await shop.get("/v1/support/holds", cursor="no")).json()["code"] == "invalid_cursor"


async def test_lists_filter_by_hold_warehouse_and_priority(shop: ApiClient) -> None:
    channel = unique("ch")
    caller = shop.as_("channel", channel)
    plain, urgent = [
        (await caller.post("/v1/orders", an_order(channel=channel, priority=priority))).json()["order_no"]
        for priority in ("standard", "urgent")
    ]
    await held(shop, plain, kind="address")
    await shop.sql("UPDATE orders SET warehouse = 'WH-EAST' WHERE order_no = %s", urgent)

    async def found(**query: str) -> list[str]:
        answer = await shop.get("/v1/orders", channel=channel, **query)
        return [item["order_no"] for item in answer.json()["items"]]

    assert await found(hold="any") == await found(hold="address") == await found(priority="standard") == [plain]
    assert await found(priority="urgent") == await found(warehouse="WH-EAST") == [urgent]
    assert await found(hold="risk") == await found(warehouse="WH-WEST") == []
    assert (await shop.get("/v1/orders", hold="whim")).status_code == 422


async def test_priority_is_the_shops_to_say(shop: ApiClient) -> None:
    order = an_order(priority="urgent")
    refused = await shop.as_("customer", "c-17").post("/v1/orders", order)
    assert (refused.status_code, refused.json()["code"]) == (422, "priority_not_accepted")
    order_no = await placed(shop)
    path = f"/v1/orders/{order_no}/priority"
    assert (await shop.as_("warehouse").post(path, {"priority": "vip", "reason": "x"})).status_code == 403
    assert (await shop.post(path, {"priority": "vip", "reason": "long a customer"})).json()["priority"] == "vip"
    assert (await shop.get(f"/v1/orders/{order_no}")).json()["priority"] == "vip"
    assert (await shop.post(path, {"priority": "first", "reason": "x"})).status_code == 422
    kinds = [event["type"] for event in (await shop.get(f"/v1/orders/{order_no}/events")).json()["items"]]
    assert kinds == ["order_placed", "priority_changed"]
    (rows,) = await shop.sql("SELECT rank, extract(epoch FROM created_at) AS at FROM workflow_requests"
                              " WHERE subject = %s", order_no)  # fmt: skip
    assert round(float(rows["at"]) - rows["rank"]) == 120


async def test_urgent_orders_are_started_first_and_never_before_one_that_waits_longer(shop: ApiClient) -> None:
    await shop.sql("DELETE FROM workflow_requests")
    caller = shop.as_("channel", "web")

    async def started(priority: str, waits_s: int) -> str:
        order_no = str((await caller.post("/v1/orders", an_order(priority=priority))).json()["order_no"])
        change = "UPDATE workflow_requests SET rank = rank - %s WHERE subject = %s"
        await shop.sql(change, waits_s, order_no)
        return order_no

    fresh, old = await started("standard", 30), await started("standard", 90_000)
    vip, urgent = await started("vip", 0), await started("urgent", 0)
    async with autocommit(shop.app.state.services.database) as conn:
        claimed = await workflow_requests.settle_and_claim(conn, [], 10, min_age_s=0)
    assert [request.subject for request in claimed] == [old, urgent, vip, fresh]


@pytest.mark.parametrize(("limit", "kinds"), [(8499, ["risk"]), (8500, []), (0, [])])
async def test_by_rule_dear_orders_are_held_with_their_reservation(
    shop: ApiClient, limit: int, kinds: list[str]
) -> None:
    order_no = await placed(shop)  # 2 × 42.50
    await shop.as_("warehouse").post("/v1/stock/receipts", {"sku": "TEA-1", "quantity": 5, "reference": unique("PO")})
    services = shop.app.state.services
    settings = services.settings.model_copy(update={"hold_risk_above_minor": limit})
    view = await OrderActivities(services.database, settings).reserve_stock(OrderRef(order_no))
    assert view.status == "pending_payment"
    holds = (await shop.get(f"/v1/orders/{order_no}")).json()["holds"]
    assert [(hold["kind"], hold["put_on_by"]) for hold in holds] == [(kind, "system") for kind in kinds]
    assert view.hold is None if not kinds else (view.hold is not None and view.hold.stops)


@pytest.mark.parametrize(
    ("changed", "put_on_by"),
    [
        ({"owner": "support"}, ["support:amy", "system"]),
        ({"default_outcome": "release"}, ["support:amy", "system"]),
        ({"owner": "finance:zoe"}, ["support:amy"]),
        ({}, ["support:amy"]),
    ],
)
async def test_a_manual_risk_hold_silences_the_rule_only_where_it_is_as_strict(
    shop: ApiClient, changed: dict[str, Any], put_on_by: list[str]
) -> None:
    order_no = await placed(shop)
    await held(shop, order_no, kind="risk", **changed)
    await shop.as_("warehouse").post("/v1/stock/receipts", {"sku": "TEA-1", "quantity": 5, "reference": unique("PO")})
    services = shop.app.state.services
    settings = services.settings.model_copy(update={"hold_risk_above_minor": 1})
    await OrderActivities(services.database, settings).reserve_stock(OrderRef(order_no))
    holds = (await shop.get(f"/v1/orders/{order_no}")).json()["holds"]
    assert [hold["put_on_by"] for hold in holds] == put_on_by
    again = await shop.post(f"/v1/orders/{order_no}/holds", hold_body(kind="risk"))
    assert (again.status_code, again.json()["code"]) == (409, "already_held")


async def test_a_split_order_is_held_while_a_part_is_not_booked(shop: ApiClient) -> None:
    order_no = await split(shop, "booked", "reserved")
    await held(shop, order_no, kind="address")
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert (order["situation"]["state"], order["waiting_for"]["what"]) == ("on_hold", "hold")
    house = shop.as_("warehouse")
    picked = await house.post(f"/v1/fulfilments/{order_no}-F1/pick", {"lines": [{"line_no": 1, "quantity": 1}]})
    assert picked.status_code == 200, picked.text
    refused = await house.post(f"/v1/fulfilments/{order_no}-F2/pick", {"lines": [{"line_no": 1, "quantity": 1}]})
    assert (refused.status_code, refused.json()["code"]) == (409, "order_is_held")
    all_booked = await split(shop, "booked", "booked")
    refused = await shop.post(f"/v1/orders/{all_booked}/holds", hold_body())
    assert (refused.status_code, refused.json()["code"]) == (409, "too_late_to_hold")
