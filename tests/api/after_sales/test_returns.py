"""Returns over HTTP: decided in the database, without Temporal."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from activities.orders.inbox import apply_inbox
from domain.gateways import CarrierNotification
from domain.shipping.shipments import ShipmentStatus
from infra.db.autocommit import autocommit
from infra.db.messaging import inbox
from tests.api.conftest import ApiClient, an_order, open_api, unique
from tests.conftest import DatabaseUrls
from tests.factories.returns import a_return, delivered, found


async def request_return(shop: ApiClient, order_no: str, **changed: Any) -> dict[str, Any]:
    answer = await shop.post(f"/v1/orders/{order_no}/returns", a_return(**changed))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def level(shop: ApiClient, sku: str) -> tuple[int, int]:
    """(on hand, quarantined) in the warehouse that sent it."""
    items = (await shop.get(f"/v1/stock/{sku}")).json()["items"]
    level = next(item for item in items if item["warehouse"] == "WH-EAST")
    return level["on_hand"], level["quarantined"]


async def test_a_return_is_asked_for_approved_by_rule_received_inspected_and_refunded(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    before = await level(shop, "TEA-1")
    made = await request_return(shop, order_no, photographs=["photo-1"])
    assert (made["status"], made["default_outcome"], made["return_no"]) == ("approved", "expire", 1)
    path = f"/v1/returns/{made['return_id']}"
    warehouse = shop.as_("warehouse", "wu")
    received = await warehouse.post(f"{path}/receive", found())
    assert (received.status_code, received.json()["status"]) == (200, "received"), received.text
    inspected = await warehouse.post(f"{path}/inspect", found())
    assert inspected.status_code == 200, inspected.text
    body = inspected.json()
    assert (body["status"], body["settled"]) == ("inspected", "refund_approved")
    assert (body["refund"]["amount_minor"], body["refund"]["status"]) == (4_250, "approved")
    assert await level(shop, "TEA-1") == (before[0] + 1, before[1])
    whole = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert whole["returns"][0]["lines"][0] == {
        "line_no": 1, "sku": "TEA-1", "quantity": 1, "received": {"as_new": 1}, "inspected": {"as_new": 1},
    }  # fmt: skip
    reported = [event["type"] for event in (await shop.get(f"/v1/orders/{order_no}/events")).json()["items"]]
    assert [kind for kind in reported if kind.startswith("return_")] == [
        "return_requested", "return_approved", "return_received", "return_inspected",
    ]  # fmt: skip
    mine = (await shop.as_("customer", "c-17").get(path)).json()
    assert (mine["reason"], mine["photographs"], mine["allowed_actions"]) == ("it does not please", ["photo-1"], [])


async def test_what_can_be_sold_again_is_put_at_the_location_that_is_named(shop: ApiClient) -> None:
    warehouse, code = shop.as_("warehouse", "wu"), unique("R")
    made = await warehouse.post("/v1/locations", {"warehouse": "WH-EAST", "code": code})
    assert made.status_code == 201, made.text
    path = f"/v1/returns/{(await request_return(shop, await delivered(shop)))['return_id']}"
    await warehouse.post(f"{path}/receive", found())
    unknown = await warehouse.post(f"{path}/inspect", found() | {"location": "NONE"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "unknown_location")
    done = await warehouse.post(f"{path}/inspect", found() | {"location": code})
    assert done.status_code == 200, done.text
    placed = (await shop.get("/v1/stock/TEA-1/locations", warehouse="WH-EAST")).json()["items"]
    assert [one["on_hand"] for one in placed if one["location"] == code] == [1]


async def test_approving_an_approved_one_is_fine_and_a_rejected_one_is_over(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    first = await request_return(shop, order_no)
    assert (await shop.post(f"/v1/returns/{first['return_id']}/approve")).status_code == 200
    refused = await shop.post(f"/v1/returns/{first['return_id']}/reject", {"reason": "no"})
    assert (refused.status_code, refused.json()["code"]) == (409, "return_decided")


async def test_above_the_rule_a_person_decides(database_url: DatabaseUrls, shop: ApiClient) -> None:
    order_no = await delivered(shop)
    async with open_api(database_url, return_auto_approve_minor=0) as strict:
        support = strict.as_("support", "amy")
        made = await request_return(support, order_no)
        assert (made["status"], made["default_outcome"]) == ("requested", "approve")
        rejected = await support.post(f"/v1/returns/{made['return_id']}/reject", {"reason": "worn"})
        assert (rejected.json()["status"], rejected.json()["answer"]) == ("rejected", "worn")
        for verb, body in (("approve", None), ("receive", found()), ("inspect", found())):
            answer = await support.post(f"/v1/returns/{made['return_id']}/{verb}", body)
            assert answer.status_code == 409, (verb, answer.text)
        # What was rejected may be asked for again, and goods in hand are an answer.
        again = await request_return(support, order_no, quantity=2)
        took = await support.post(f"/v1/returns/{again['return_id']}/receive", found(quantity=2))
        assert took.json()["status"] == "received"


async def test_the_preview_says_what_comes_back_and_changes_nothing(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    before = await shop.row_counts()
    answer = await shop.post(f"/v1/orders/{order_no}/returns?preview=true", a_return(quantity=2))
    assert answer.status_code == 200, answer.text
    body = answer.json()["consequence"]
    assert (body["status"], body["refund"]["amount_minor"], body["default_outcome"]) == ("approved", 8_500, "expire")
    assert body["window_until"].endswith("Z")
    assert await shop.row_counts() == before


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"sku": "TEA-2"}, 422, "unknown_line"),
        ({"quantity": 3}, 409, "return_exceeds_delivered"),
        ({"quantity": 0}, 422, "invalid_quantity"),
        ({"resolution": "cake"}, 422, "validation_failed"),
        ({"reason": ""}, 422, "validation_failed"),
        ({"reason_code": "whim"}, 422, "validation_failed"),
        ({"photographs": ["x"] * 11}, 422, "validation_failed"),
        ({"status": "approved"}, 422, "unknown_field"),
    ],
)
async def test_bad_returns_are_refused_and_leave_nothing(
    shop: ApiClient, changed: dict[str, Any], status: int, code: str
) -> None:
    order_no = await delivered(shop)
    before = await shop.row_counts()
    answer = await shop.post(f"/v1/orders/{order_no}/returns", a_return(**changed))
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert await shop.row_counts() == before


async def test_what_is_not_delivered_is_not_returned(shop: ApiClient) -> None:
    order_no = (await shop.post("/v1/orders", an_order())).json()["order_no"]
    answer = await shop.post(f"/v1/orders/{order_no}/returns", a_return())
    assert (answer.status_code, answer.json()["code"]) == (409, "not_delivered")


async def test_after_the_window_the_answer_names_the_rule_and_the_date(shop: ApiClient) -> None:
    order_no = await delivered(shop, window_s=0)
    answer = await shop.post(f"/v1/orders/{order_no}/returns", a_return())
    assert (answer.status_code, answer.json()["code"]) == (409, "return_window_closed")
    until = (await shop.sql("SELECT waiting->>'until' AS until FROM orders WHERE order_no = %s", order_no))[0]["until"]
    assert until[:19] in answer.json()["detail"]


async def test_two_returns_for_the_last_piece_at_once(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=1)
    posts = [shop.post(f"/v1/orders/{order_no}/returns", a_return()) for _ in range(6)]
    answers = await asyncio.gather(*posts)
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"return_exceeds_delivered"}


async def test_received_twice_at_once_one_wins(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    made = await request_return(shop, order_no)
    path, key = f"/v1/returns/{made['return_id']}/receive", unique("key")
    answers = await asyncio.gather(*(shop.post(path, found()) for _ in range(5)), shop.post(path, found(), key=key))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"return_already_received"}
    winner = next(answer for answer in answers if answer.status_code == 200)
    again = await shop.post(path, found(), key=winner.request.headers["Idempotency-Key"])
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (winner.json(), "true")


async def test_more_than_was_on_it_is_not_received(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    made = await request_return(shop, order_no)
    path = f"/v1/returns/{made['return_id']}"
    for body, status, code in (
        (found(quantity=2), 409, "more_than_returned"),
        (found(sku="TEA-2"), 422, "unknown_line"),
        (found("perfect"), 422, "validation_failed"),
        (found("lost"), 422, "validation_failed"),
        ({"lines": []}, 422, "empty_order"),
    ):
        answer = await shop.post(f"{path}/receive", body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    early = await shop.post(f"{path}/inspect", found())
    assert (early.status_code, early.json()["code"]) == (409, "return_not_received")


@pytest.mark.parametrize(
    ("condition", "on_hand", "quarantined", "refunded"),
    [("as_new", 1, 0, 4_250), ("damaged", 0, 1, 4_250), ("missing", 0, 0, None), ("wrong_item", 0, 0, None)],
)
async def test_a_condition_decides_shelf_and_money(
    shop: ApiClient, condition: str, on_hand: int, quarantined: int, refunded: int | None
) -> None:
    order_no = await delivered(shop)
    before = await level(shop, "TEA-1")
    made = await request_return(shop, order_no)
    path = f"/v1/returns/{made['return_id']}"
    assert (await shop.post(f"{path}/receive", found(condition))).status_code == 200
    done = (await shop.post(f"{path}/inspect", found(condition))).json()
    assert (done["refund"] or {}).get("amount_minor") == refunded
    assert done["status"] == ("inspected" if refunded else "completed")
    assert await level(shop, "TEA-1") == (before[0] + on_hand, before[1] + quarantined)


async def test_a_damaged_piece_brings_less_where_the_setting_says_so_unless_it_is_our_fault(
    database_url: DatabaseUrls, shop: ApiClient
) -> None:
    async with open_api(database_url, damaged_refund_percent=50) as strict:
        support = strict.as_("support", "amy")
        for reason_code, refunded in (("changed_mind", 4_250 + 2_125), ("damaged_on_arrival", 8_500)):
            order_no = await delivered(shop)
            made = await request_return(support, order_no, quantity=2, reason_code=reason_code)
            mixed = {"lines": [*found("as_new")["lines"], *found("damaged")["lines"]]}
            await support.post(f"/v1/returns/{made['return_id']}/receive", mixed)
            done = (await support.post(f"/v1/returns/{made['return_id']}/inspect", mixed)).json()
            assert done["refund"]["amount_minor"] == refunded, reason_code


async def test_what_nobody_names_did_not_arrive_and_may_still_be_found(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=2)
    made = await request_return(shop, order_no, quantity=2)
    path = f"/v1/returns/{made['return_id']}"
    received = (await shop.post(f"{path}/receive", found())).json()
    assert received["lines"][0]["received"] == {"as_new": 1, "missing": 1}
    inspected = (await shop.post(f"{path}/inspect", found(quantity=2))).json()
    assert inspected["lines"][0]["inspected"] == {"as_new": 2}
    again = await shop.post(f"{path}/inspect", found())
    assert (again.status_code, again.json()["code"]) == (409, "return_already_inspected")


async def test_a_large_refund_waits_for_an_approver(database_url: DatabaseUrls, shop: ApiClient) -> None:
    order_no = await delivered(shop)
    async with open_api(database_url, approval_limit_minor=4_000) as strict:
        support = strict.as_("support", "amy")
        made = await request_return(support, order_no)
        await support.post(f"/v1/returns/{made['return_id']}/receive", found())
        done = (await support.post(f"/v1/returns/{made['return_id']}/inspect", found())).json()
        assert (done["settled"], done["refund"]["status"]) == ("refund_awaiting_approval", "awaiting_approval")


async def test_the_customer_keeps_it_after_all_and_what_comes_all_the_same_is_taken_in(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=1)
    customer = shop.as_("customer", "c-17")
    made = await request_return(customer, order_no)
    path = f"/v1/returns/{made['return_id']}"
    sent = await customer.post(f"{path}/tracking", {"carrier": "post", "tracking_no": "P1"})
    assert (sent.json()["status"], sent.json()["tracking_no"]) == ("in_transit", "P1")
    assert (await customer.post(f"{path}/cancel")).json()["status"] == "cancelled"
    taken = await shop.post(f"{path}/receive", found())
    assert (taken.status_code, taken.json()["status"]) == (200, "received"), taken.text
    late = await customer.post(f"{path}/cancel")
    assert (late.status_code, late.json()["code"]) == (409, "return_not_cancellable")


async def test_what_comes_all_the_same_is_not_taken_twice(shop: ApiClient) -> None:
    """The piece is on another return by then."""
    order_no = await delivered(shop, quantity=1)
    first = await request_return(shop, order_no)
    await shop.post(f"/v1/returns/{first['return_id']}/cancel")
    await request_return(shop, order_no)
    taken = await shop.post(f"/v1/returns/{first['return_id']}/receive", found())
    assert (taken.status_code, taken.json()["code"]) == (409, "return_exceeds_delivered")


async def test_a_strangers_return_is_not_there(shop: ApiClient) -> None:
    made = await request_return(shop, await delivered(shop))
    stranger = shop.as_("customer", unique("c"))
    for answer in (
        await stranger.get(f"/v1/returns/{made['return_id']}"),
        await stranger.get(f"/v1/returns/{made['return_id']}/label"),
        await stranger.post(f"/v1/returns/{made['return_id']}/cancel"),
        await stranger.post(f"/v1/returns/{made['return_id']}/tracking", {"carrier": "x", "tracking_no": "1"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "return_not_found")
    mine = await shop.as_("customer", "c-17").get(f"/v1/returns/{made['return_id']}/label")
    assert (mine.status_code, mine.json()["code"]) == (404, "label_not_found")


async def test_returns_are_listed_the_newest_first(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=3)
    made = [(await request_return(shop, order_no))["return_id"] for _ in range(3)]
    await shop.post(f"/v1/returns/{made[0]}/cancel")
    first = (await shop.get("/v1/returns", order_no=order_no, status="approved", limit=1)).json()
    rest = (await shop.get("/v1/returns", order_no=order_no, status="approved", cursor=first["next_cursor"])).json()
    assert [one["return_id"] for one in [*first["items"], *rest["items"]]] == made[:0:-1]
    assert rest["next_cursor"] is None
    assert (await shop.get("/v1/returns", cursor="x")).status_code == 422


async def test_an_order_with_an_open_return_is_not_completed_by_anybody(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    await request_return(shop, order_no)
    with pytest.raises(Exception, match="return_open"):
        await shop.sql(
            "INSERT INTO order_events (order_no, type, from_status, to_status, actor) "
            "VALUES (%s, 'return_window_closed', 'delivered', 'completed', 'x')", order_no,
        )  # fmt: skip


async def test_quarantine_ends_on_sale_or_as_scrap(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=2)
    made = await request_return(shop, order_no, quantity=2)
    for verb in ("receive", "inspect"):
        assert (await shop.post(f"/v1/returns/{made['return_id']}/{verb}", found("damaged", quantity=2))).is_success
    before = await level(shop, "TEA-1")
    warehouse = shop.as_("warehouse", "wu")
    body = {"sku": "TEA-1", "quantity": 1, "reason": "cleaned", "warehouse": "WH-EAST"}
    restocked = await warehouse.post("/v1/stock/quarantine", body | {"disposition": "restock"})
    assert restocked.status_code == 201, restocked.text
    assert (await warehouse.post("/v1/stock/quarantine", body | {"disposition": "scrap"})).status_code == 201
    assert await level(shop, "TEA-1") == (before[0] + 1, before[1] - 2)
    more = await warehouse.post("/v1/stock/quarantine", body | {"disposition": "scrap", "quantity": 10**6})
    assert (more.status_code, more.json()["code"]) == (409, "stock_not_available")


async def test_an_order_says_while_something_may_be_sent_back(shop: ApiClient) -> None:
    order_no = await delivered(shop, quantity=1)
    for caller, may in ((shop, True), (shop.as_("customer", "c-17"), True), (shop.as_("finance"), False)):
        assert ("return" in (await caller.get(f"/v1/orders/{order_no}")).json()["allowed_actions"]) == may
    made = await request_return(shop, order_no)
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert "return" not in order["allowed_actions"]
    assert (order["lines"][0]["returned_quantity"], order["waiting_for"]["what"]) == (1, "return_window")
    await shop.sql(
        "UPDATE orders SET waiting = jsonb_set(waiting, '{until}', to_jsonb(now() - interval '1 s')) "
        "WHERE order_no = %s", order_no,
    )  # fmt: skip
    order = (await shop.get(f"/v1/orders/{order_no}")).json()
    assert order["waiting_for"] == {"what": "returns", "until": made["deadline"], "next": "the order is completed"}
    late = await delivered(shop, window_s=0)
    assert "return" not in (await shop.get(f"/v1/orders/{late}")).json()["allowed_actions"]


async def test_the_label_is_for_the_owner_and_the_staff(shop: ApiClient) -> None:
    order_no = await delivered(shop)
    made = await request_return(shop, order_no)
    return_id, keys = made["return_id"], shop.app.state.services.keys
    row = await shop.sql("SELECT data_key FROM customers JOIN orders USING (customer_id) WHERE order_no = %s", order_no)
    sealed = keys.vault.seal(keys.unwrap(row[0]["data_key"]), b"%PDF-1.4 made up", f"{return_id}:label")
    await shop.sql("INSERT INTO return_labels VALUES (%s, 'PDF', %s, now())", return_id, sealed)
    await shop.sql("UPDATE returns SET label = 'booked', carrier_ref = 'shp_1' WHERE return_id = %s", return_id)
    for caller in (shop.as_("customer", "c-17"), shop.as_("warehouse")):
        label = await caller.get(f"/v1/returns/{return_id}/label")
        assert (label.status_code, label.content) == (200, b"%PDF-1.4 made up")
        assert label.headers["content-type"] == "application/pdf"
    stranger = await shop.as_("customer", unique("c")).get(f"/v1/returns/{return_id}/label")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "return_not_found")


async def test_a_scan_that_names_no_order_is_found_by_its_parcel(shop: ApiClient) -> None:
    """Some carriers know nothing of our orders: the return's parcel does."""
    order_no = await delivered(shop)
    made = await request_return(shop, order_no)
    await shop.sql("UPDATE returns SET label = 'booked', carrier = 'sandbox', carrier_ref = %s WHERE return_id = %s",
                   "shp_alone", made["return_id"])  # fmt: skip
    notice = CarrierNotification("e-alone", "shp_alone", "T1", None, ShipmentStatus.PICKED_UP, datetime.now(UTC), 1)
    async with autocommit(shop.app.state.services.database) as conn:
        assert await inbox.keep_shipment(conn, "sandbox", notice) == "accepted"
        assert await inbox.keep_shipment(conn, "sandbox", notice) == "duplicate"
    assert (await shop.sql("SELECT order_no FROM inbox WHERE event_id = 'e-alone'"))[0]["order_no"] == order_no
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await apply_inbox(conn, order_no, services.settings)
    body = (await shop.get(f"/v1/returns/{made['return_id']}")).json()
    assert (body["status"], body["parcel"], body["default_outcome"]) == ("in_transit", "picked_up", "take_as_lost")
