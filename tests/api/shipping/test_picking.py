"""Pick, pack, ship over HTTP: repeated calls are an answer, nothing counts twice, and a shortage is sourced again."""

from typing import Any

import pytest

from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import HOUSE
from tests.factories.picking import Booked, booked, carrier_scans, does, done, lines


@pytest.fixture
async def staff(api: ApiClient) -> ApiClient:
    return api.as_("admin")


async def level(staff: ApiClient, sku: str, warehouse: str = HOUSE) -> tuple[int, int]:
    (row,) = await staff.sql(
        "SELECT on_hand, reserved FROM stock_levels WHERE sku = %s AND warehouse = %s", sku, warehouse
    )
    return row["on_hand"], row["reserved"]


async def order_status(staff: ApiClient, one: Booked) -> str:
    return str((await staff.get(f"/v1/orders/{one.order_no}")).json()["status"])


async def elsewhere(staff: ApiClient, sku: str, units: int) -> str:
    """Another warehouse that has it."""
    code = unique("WH")
    place = {"code": code, "name": code, "country": "CN", "province": "广东省", "city": "深圳市", "priority": 9}
    assert (await staff.post("/v1/warehouses", place)).status_code == 201
    receipt = {"sku": sku, "quantity": units, "reference": unique("PO"), "warehouse": code}
    assert (await staff.post("/v1/stock/receipts", receipt)).status_code == 201
    return code


async def test_a_fulfilment_is_picked_packed_and_handed_over(staff: ApiClient) -> None:
    one = await booked(staff)
    part = await done(staff, "pick", one.id, lines(1, more=True))
    assert (part["status"], part["lines"][0]["picked"], part["short"]) == ("picking", 1, [])
    whole = await done(staff, "pick", one.id, lines(3))
    assert (whole["status"], whole["lines"][0]["picked"]) == ("picking", 3)
    packed = await done(staff, "pack", one.id, lines(3) | {"weight_g": 950, "box": "B2"})
    assert (packed["status"], packed["weight_g"], packed["box"]) == ("packed", 950, "B2")
    shipped = await done(staff, "ship", one.id, lines(3))
    assert shipped["status"] == "shipped" and await order_status(staff, one) == "shipped"
    assert await level(staff, one.sku) == (17, 0)
    kept = await staff.sql(
        "SELECT line_no, quantity, picked_by FROM picks WHERE order_no = %s ORDER BY 2", one.order_no
    )
    assert [tuple(row.values()) for row in kept] == [(1, 1, "warehouse:wu"), (1, 2, "warehouse:wu")]
    (asked,) = await staff.sql(
        "SELECT count(*) AS n FROM workflow_requests WHERE subject = %s AND name = 'carrier_reported'", one.order_no
    )
    assert asked["n"] == 1


async def test_what_is_repeated_is_an_answer_and_counts_once(staff: ApiClient) -> None:
    one = await booked(staff)
    for act, body in (("pick", lines(3)), ("pack", {"weight_g": 5}), ("ship", {})):
        key = unique("key")
        first = await does(staff, act, one.id, body, key)
        again = await does(staff, act, one.id, body, key)
        other = await does(staff, act, one.id, body)
        assert [first.status_code, again.status_code, other.status_code] == [200] * 3, other.text
        assert first.json() == again.json() == other.json()
    assert (await does(staff, "pick", one.id, lines(3))).status_code == 200
    assert await level(staff, one.sku) == (17, 0)


@pytest.mark.parametrize("first", ["carrier", "hand"])
async def test_the_carriers_scan_and_the_hand_over_are_one_fact_in_any_order(staff: ApiClient, first: str) -> None:
    one = await booked(staff)
    await done(staff, "pick", one.id, lines(3))
    await done(staff, "pack", one.id)
    if first == "carrier":
        await carrier_scans(staff, one)
    assert (await done(staff, "ship", one.id))["status"] == "shipped"
    await carrier_scans(staff, one, "picked_up" if first == "hand" else "in_transit")
    events = await staff.sql(
        "SELECT type FROM order_events WHERE order_no = %s AND type LIKE 'shipment%%'", one.order_no
    )
    assert [row["type"] for row in events] == ["shipment_booked", "shipment_picked_up"]
    assert await level(staff, one.sku) == (17, 0)
    await carrier_scans(staff, one, "delivered")
    assert await order_status(staff, one) == "delivered"


async def refused(staff: ApiClient, act: str, fulfilment_id: str, body: Any = None) -> tuple[int, str]:
    answer = await does(staff, act, fulfilment_id, body)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    return answer.status_code, answer.json()["code"]


async def test_what_cannot_be_is_refused_with_its_code(staff: ApiClient) -> None:
    one = await booked(staff)
    assert await refused(staff, "pick", "NONE-F1", lines(1)) == (404, "fulfilment_not_found")
    assert await refused(staff, "pick", one.id, lines(3, 1)) == (422, "unknown_line")
    assert await refused(staff, "pick", one.id, lines(4)) == (422, "more_than_asked")
    assert await refused(staff, "pick", one.id, {"lines": [*lines(1)["lines"] * 2]}) == (422, "lines_twice")
    assert (await refused(staff, "pick", one.id, lines(-1)))[0] == 422
    assert await refused(staff, "pick", one.id, lines(1, location="NONE")) == (422, "unknown_location")
    assert await refused(staff, "pack", one.id) == (409, "not_picked")
    await done(staff, "pick", one.id, lines(3))
    assert await refused(staff, "pick", one.id, lines(2)) == (409, "less_than_picked")
    assert await refused(staff, "ship", one.id) == (409, "not_packed")
    assert await refused(staff, "pack", one.id, lines(2)) == (422, "differs_from_picked")
    assert (await refused(staff, "pack", one.id, {"weight_g": 0}))[0] == 422
    assert await level(staff, one.sku) == (20, 3)


@pytest.mark.parametrize(
    ("made", "code"),
    [("UPDATE orders SET cancelling = 'asked' WHERE order_no = %s", "order_cancelling"),
     ("UPDATE fulfilments SET status = 'cancelled' WHERE order_no = %s", "fulfilment_cancelled"),
     ("UPDATE fulfilments SET status = 'reserved' WHERE order_no = %s", "fulfilment_not_booked"),
     ("UPDATE fulfilments SET status = 'shipped' WHERE order_no = %s", "already_shipped")],
)  # fmt: skip
async def test_no_goods_are_picked_that_are_not_to_be_sent(staff: ApiClient, made: str, code: str) -> None:
    one = await booked(staff)
    await staff.sql(made, one.order_no)
    assert await refused(staff, "pick", one.id, lines(3)) == (409, code)
    assert await staff.sql("SELECT * FROM picks WHERE order_no = %s", one.order_no) == []


async def test_a_short_pick_is_sent_by_another_warehouse(staff: ApiClient) -> None:
    one = await booked(staff)
    other = await elsewhere(staff, one.sku, 5)
    answer = await done(staff, "pick", one.id, lines(1))
    assert answer["short"] == [{"line_no": 1, "quantity": 2, "fulfilment_id": f"{one.order_no}-F2", "case_id": None}]
    assert (answer["lines"][0]["quantity"], answer["lines"][0]["picked"]) == (1, 1)
    parts = (await staff.get(f"/v1/orders/{one.order_no}")).json()["fulfilments"]
    assert [(part["warehouse"], part["status"], part["lines"][0]["quantity"]) for part in parts] == [
        (HOUSE, "picking", 1), (other, "reserved", 2),
    ]  # fmt: skip
    assert await level(staff, one.sku) == (18, 1) and await level(staff, one.sku, other) == (5, 2)
    assert (await done(staff, "pick", one.id, lines(1)))["short"] == []
    await done(staff, "pack", one.id)
    await done(staff, "ship", one.id)
    assert await order_status(staff, one) == "preparing"
    (asked,) = await staff.sql(
        "SELECT count(*) AS n FROM workflow_requests WHERE subject = %s AND name = 'after_sales'", one.order_no
    )
    assert asked["n"] == 1


async def test_a_short_pick_is_sent_by_several_warehouses_where_none_has_everything(staff: ApiClient) -> None:
    """In as many parts as the order may have; what they have not got is a case, with the units that are left."""
    one = await booked(staff, 9)
    first = await done(staff, "pick", one.id, lines(1))
    assert [(each["quantity"], each["fulfilment_id"]) for each in first["short"]] == [(8, None)]
    others = {await elsewhere(staff, one.sku, units): units for units in (1, 3, 2)}
    answer = await done(staff, "pick", one.id, lines(1))
    assert [(each["line_no"], each["quantity"], each["fulfilment_id"]) for each in answer["short"]] == [
        (1, 3, f"{one.order_no}-F2"), (1, 2, f"{one.order_no}-F3"), (1, 3, None),
    ]  # fmt: skip
    assert (answer["lines"][0]["quantity"], answer["lines"][0]["picked"]) == (4, 1)
    parts = (await staff.get(f"/v1/orders/{one.order_no}")).json()["fulfilments"]
    assert [(part["status"], part["lines"][0]["quantity"]) for part in parts] == [
        ("picking", 4), ("reserved", 3), ("reserved", 2),
    ]  # fmt: skip
    assert await level(staff, one.sku) == (15, 4)
    assert sorted([await level(staff, one.sku, code) for code in others]) == [(1, 0), (2, 2), (3, 3)]
    open_ones = [
        case for case in (await staff.get("/v1/stock/cases", limit=200)).json()["items"]
        if case["subject"] == f"{one.id}/1"
    ]  # fmt: skip
    assert [(case["quantity"], case["case_id"]) for case in open_ones] == [(3, answer["short"][2]["case_id"])]
    # The order has three parts by now: one more is sent by one warehouse.
    await elsewhere(staff, one.sku, 2)
    last = await done(staff, "pick", one.id, lines(1))
    assert [(each["quantity"], bool(each["fulfilment_id"])) for each in last["short"]] == [(2, True), (1, False)]


async def test_a_short_pick_that_nobody_can_send_opens_a_case_and_keeps_the_order_whole(staff: ApiClient) -> None:
    one = await booked(staff, 18)
    answer = await done(staff, "pick", one.id, lines(17))
    assert answer["lines"][0] == {"line_no": 1, "sku": one.sku, "quantity": 18, "picked": 17}
    (short,) = answer["short"]
    of = "SELECT kind, quantity, orders, state FROM stock_cases WHERE case_id = %s"
    (case,) = await staff.sql(of, short["case_id"])
    assert (case["kind"], case["quantity"], case["orders"]) == ("short_pick", 1, [one.order_no])
    assert await level(staff, one.sku) == (20, 18)
    assert await refused(staff, "pack", one.id) == (409, "not_picked")
    assert (await done(staff, "pick", one.id, lines(17)))["short"] == [short]
    # It was behind the shelf.
    assert (await done(staff, "pick", one.id, lines(18)))["short"] == []
    assert (await staff.sql(of, short["case_id"]))[0]["state"] == "resolved"
    await done(staff, "pack", one.id)


async def test_a_fulfilment_of_which_nothing_was_found_is_cancelled(staff: ApiClient) -> None:
    one = await booked(staff)
    await elsewhere(staff, one.sku, 5)
    answer = await done(staff, "pick", one.id, lines(0))
    assert (answer["status"], answer["lines"]) == ("cancelled", [])
    parts = (await staff.get(f"/v1/orders/{one.order_no}")).json()["fulfilments"]
    assert [part["status"] for part in parts] == ["cancelled", "reserved"]
    assert await level(staff, one.sku) == (17, 0)
    # The carrier of this test answers nothing: somebody gives the empty parcel up.
    cases = (await staff.get("/v1/stock/cases", limit=200)).json()["items"]
    assert one.shipment_id in [case["subject"] for case in cases]
