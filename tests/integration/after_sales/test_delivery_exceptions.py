"""Parcels that are lost or refused: the customer has them sent again or refunded, on real servers."""

import asyncio
from typing import Any

import httpx
import pytest

from domain.alerts import Kind
from domain.orders.status import Status
from infra.db.alerts.order_rules import DETECTORS
from infra.db.checks import consistency_checks
from tests.api.conftest import ApiClient, an_order, unique
from tests.integration.conftest import CHEAP, DEAR, Office
from tests.order_stage import eventually


async def troubled(office: Office, what: str = "lost", sku: str = CHEAP, quantity: int = 2) -> tuple[str, ApiClient]:
    """An order whose parcel is `what`, and the door of its customer. The carrier's word comes through its sandbox."""
    customer = unique("c-parcel")
    body = an_order(sku, quantity, customer={"id": customer, "name": "Li", "email": None, "phone": None})
    me = office.api.as_("customer", customer)
    order_no = (await me.post("/v1/orders", body)).json()["order_no"]
    await office.stage.reaches(order_no, "preparing")
    await moves(office, order_no, "picked_up", what)
    parked = await office.stage.parked(order_no)
    assert (parked.step, parked.error) == ("deliver", f"parcel_{what}")
    return order_no, me


async def moves(office: Office, order_no: str, *statuses: str) -> None:
    """Advance the order's live parcel in the sandbox, and bring its news as its webhook would."""
    for status in statuses:
        parcels = office.stage.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"]
        answer = office.stage.sandbox.http.post(f"/shipments/{parcels[-1]['id']}/advance", json={"status": status})
        assert answer.status_code == 200, answer.text
        await office.stage.carrier_says(order_no, status)


async def choose(api: ApiClient, order_no: str, choice: str, **options: Any) -> httpx.Response:
    return await api.post(f"/v1/orders/{order_no}/delivery-problem", {"choice": choice}, **options)


async def level(office: Office, sku: str, warehouse: str = "WH-EAST") -> tuple[int, int, int]:
    rows = await office.stage.sql(
        "SELECT on_hand, reserved, quarantined FROM stock_levels WHERE sku = :s AND warehouse = :w", s=sku, w=warehouse
    )
    return tuple(rows[0]) if rows else (0, 0, 0)


async def nothing_is_wrong(office: Office) -> None:
    async with office.stage.database.begin() as conn:
        answers = [await consistency_checks.run_checks(conn, question) for question in consistency_checks.CHECKS]
    assert not [f"{answer.question.name}: {answer.examples}" for answer in answers if answer.count]


@pytest.mark.parametrize("what", ["lost", "refused"])
async def test_it_is_sent_again_and_arrives(office: Office, what: str) -> None:
    sku = unique("AGAIN")
    await office.stage.stock(sku, 4, price_minor=500)
    order_no, me = await troubled(office, what, sku)
    body = (await me.get(f"/v1/orders/{order_no}")).json()
    assert [action for action in body["allowed_actions"] if action in ("reship", "refund_lost")]
    before = await choose(me, order_no, "reship", params={"preview": "true"})
    assert before.json()["warehouse"] == "WH-EAST"
    assert await level(office, sku) == (2, 0, 0)

    answer = await choose(me, order_no, "reship")
    assert (answer.status_code, answer.json()["warehouse"]) == (200, "WH-EAST"), answer.text
    await eventually(lambda: len(office.stage.parcels(order_no)) == 2)
    await eventually(lambda: _booked(office, order_no))
    assert await office.stage.status(order_no) == "shipped"
    assert await level(office, sku) == (2, 2, 0)
    assert (await choose(me, order_no, "refund")).json()["code"] == "no_delivery_problem"

    await moves(office, order_no, "picked_up", "delivered")
    await office.stage.reaches(order_no, "completed")
    assert await level(office, sku) == (0, 0, 0)
    shipped = await office.stage.sql(
        "SELECT sum(quantity) FROM stock_movements WHERE order_no = :o AND kind = 'ship'", o=order_no
    )
    assert shipped[0][0] == 4  # each parcel once
    assert [kind for kind, _ in office.stage.payments(order_no)].count("capture") == 1
    await nothing_is_wrong(office)


async def test_what_was_refused_comes_back_into_quarantine_once(office: Office) -> None:
    sku = unique("BACK")
    await office.stage.stock(sku, 4, price_minor=500)
    order_no, me = await troubled(office, "refused", sku)
    keeper = office.staff("wang", "warehouse")
    address = f"/v1/shipments/{order_no}-S1/came-back"
    early = await keeper.post(address, {})
    assert (early.status_code, early.json()["code"]) == (409, "parcel_not_expected")
    await choose(me, order_no, "reship")
    too_many = await keeper.post(address, {"lines": [{"sku": sku, "quantity": 3}]})
    assert (too_many.status_code, too_many.json()["code"]) == (409, "more_than_sent")

    arrived = await keeper.post(address, {})
    assert arrived.json()["lines"] == [{"sku": sku, "quantity": 2}], arrived.text
    again = await keeper.post(address, {})
    assert (again.status_code, again.json()["code"]) == (409, "parcel_came_back")
    on_hand, _, quarantined = await level(office, sku)
    assert (on_hand, quarantined) == (2, 2)


async def test_a_refund_undoes_the_order_and_the_goods_come_back_when_they_arrive(office: Office) -> None:
    sku = unique("MONEY")
    await office.stage.stock(sku, 2, price_minor=500)
    order_no, me = await troubled(office, "refused", sku)
    body = (await choose(me, order_no, "refund", params={"preview": "true"})).json()
    assert (body["refund_minor"], await office.stage.status(order_no)) == (1000, Status.SHIPPED)

    assert (await choose(me, order_no, "refund")).status_code == 200
    await office.stage.reaches(order_no, "cancelled")
    assert office.stage.payments(order_no)[-1] == ("refund", "succeeded")
    arrived = await office.staff("wang", "warehouse").post(f"/v1/shipments/{order_no}-S1/came-back", {})
    assert arrived.json()["lines"] == [{"sku": sku, "quantity": 2}], arrived.text
    assert await level(office, sku) == (0, 0, 2)
    await nothing_is_wrong(office)


async def test_without_stock_only_the_refund_is_left(office: Office) -> None:
    sku = unique("SHORT")
    await office.stage.stock(sku, 3, price_minor=500)
    order_no, me = await troubled(office, "lost", sku)
    for case in ({"params": {"preview": "true"}}, {}):
        answer = await choose(me, order_no, "reship", **case)
        assert (answer.status_code, answer.json()["code"]) == (409, "stock_short"), answer.text
    assert await level(office, sku) == (1, 0, 0)
    assert (await choose(me, order_no, "refund")).status_code == 200
    await office.stage.reaches(order_no, "cancelled")


async def test_lost_twice_is_sent_three_times(office: Office) -> None:
    sku = unique("TWICE")
    await office.stage.stock(sku, 6, price_minor=500)
    order_no, me = await troubled(office, "lost", sku)
    assert (await choose(me, order_no, "reship")).status_code == 200
    await eventually(lambda: len(office.stage.parcels(order_no)) == 2)
    await eventually(lambda: _booked(office, order_no))
    await moves(office, order_no, "lost")
    await office.stage.parked(order_no)
    assert (await choose(me, order_no, "reship")).status_code == 200
    await eventually(lambda: len(office.stage.parcels(order_no)) == 3)
    await eventually(lambda: _booked(office, order_no))
    await moves(office, order_no, "delivered")
    await office.stage.reaches(order_no, "completed")
    assert await level(office, sku) == (0, 0, 0)
    await nothing_is_wrong(office)


async def _booked(office: Office, order_no: str) -> list[Any]:
    return await office.stage.sql(
        "SELECT 1 FROM shipments WHERE order_no = :o AND status = 'booked' AND replaced_at IS NULL", o=order_no
    )


async def test_both_choices_at_once_are_decided_one_way(office: Office) -> None:
    order_no, me = await troubled(office, "lost")
    answers = await asyncio.gather(choose(me, order_no, "reship"), choose(me, order_no, "refund"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    chosen = next(answer.json()["choice"] for answer in answers if answer.status_code == 200)
    if chosen == "refund":
        await office.stage.reaches(order_no, "cancelled")
        assert len(office.stage.parcels(order_no)) == 1
    else:
        await eventually(lambda: _booked(office, order_no))
        assert ("refund", "succeeded") not in office.stage.payments(order_no)


async def test_support_may_compensate_against_the_customers_choice_and_one_wins(office: Office) -> None:
    order_no, me = await troubled(office, "lost")
    body = {"action": "compensate", "reason": "lost"}
    chosen, resolved = await asyncio.gather(
        choose(me, order_no, "reship"), office.staff("ann").post(f"/v1/support/orders/{order_no}/resolve", body)
    )
    if chosen.status_code == 200:
        await eventually(lambda: _booked(office, order_no))
        assert await office.stage.status(order_no) == "shipped"
    else:
        assert resolved.status_code == 200
        await office.stage.reaches(order_no, "cancelled")


async def test_a_second_parcel_that_sticks_can_be_undone_by_support(office: Office) -> None:
    order_no, me = await troubled(office, "lost")
    office.stage.fault("carriers", "reject", 1, order_no=order_no)
    assert (await choose(me, order_no, "reship")).status_code == 200
    stuck = "SELECT 1 FROM parked_steps WHERE order_no = :o AND step = 'book' AND resolved_at IS NULL"
    await eventually(lambda: office.stage.sql(stuck, o=order_no))
    undone = await office.staff("ann").post(
        f"/v1/support/orders/{order_no}/resolve", {"action": "compensate", "reason": "no carrier"}
    )
    assert undone.status_code == 200, undone.text
    await office.stage.reaches(order_no, "cancelled")
    await nothing_is_wrong(office)


async def test_refusals(office: Office) -> None:
    order_no, me = await troubled(office, "lost", DEAR)  # of more than one member of staff gives back alone
    stranger = await choose(office.api.as_("customer", "somebody"), order_no, "refund")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "order_not_found")
    unknown = await choose(me, order_no, "wait")
    assert unknown.status_code == 422
    alone = await choose(office.staff("ann"), order_no, "refund")
    assert (alone.status_code, alone.json()["code"]) == (403, "second_person_needed")
    nothing = await office.unpaid()
    answer = await choose(office.staff("ann"), nothing, "refund")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_delivery_problem")


async def test_what_was_refunded_meanwhile_is_not_sent_again(office: Office) -> None:
    sku = unique("LEFT")
    await office.stage.stock(sku, 5, price_minor=500)
    order_no, me = await troubled(office, "lost", sku)
    support = office.staff("amy")
    path = f"/v1/orders/{order_no}/refunds"
    given = await support.post(path, {"lines": [{"sku": sku, "quantity": 1}], "reason": "one is enough"})
    assert given.status_code == 201, given.text
    before = (await choose(me, order_no, "reship", params={"preview": "true"})).json()
    answer = (await choose(me, order_no, "reship")).json()
    assert before["lines"] == answer["lines"] == [{"sku": sku, "quantity": 1}]
    assert await level(office, sku) == (3, 1, 0)
    await eventually(lambda: _booked(office, order_no))
    await moves(office, order_no, "picked_up", "delivered")
    await office.stage.reaches(order_no, "completed")
    assert await level(office, sku) == (2, 0, 0)
    await nothing_is_wrong(office)


async def test_nothing_is_sent_again_of_what_was_refunded_in_full(office: Office) -> None:
    order_no, me = await troubled(office, "lost")
    path = f"/v1/orders/{order_no}/refunds"
    await office.staff("amy").post(path, {"lines": [{"line_no": 1, "quantity": 2}], "reason": "lost"})
    for case in ({"params": {"preview": "true"}}, {}):
        refused = await choose(me, order_no, "reship", **case)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing_to_send"), refused.text


async def first_arrives(office: Office, order_no: str) -> None:
    """The carrier delivers the parcel that was given up for lost."""
    (parcel,) = await office.stage.sql(
        "SELECT carrier_ref, tracking_no FROM shipments WHERE order_no = :o AND replaced_at IS NOT NULL", o=order_no
    )
    fact = {"carrier_ref": parcel.carrier_ref, "tracking_no": parcel.tracking_no, "status": "delivered"}
    await office.stage.inbox("shipment", order_no, {**fact, "occurred_at": "2026-01-01T00:00:00Z"})


async def event_types(office: Office, order_no: str) -> list[str]:
    rows = await office.stage.sql("SELECT type FROM order_events WHERE order_no = :o ORDER BY seq", o=order_no)
    return [row.type for row in rows]


@pytest.mark.parametrize("left", [False, True])
async def test_a_first_parcel_that_arrives_stops_its_replacement(office: Office, left: bool) -> None:
    sku = unique("AFTER")
    await office.stage.stock(sku, 4, price_minor=500)
    order_no, me = await troubled(office, "lost", sku)
    assert (await choose(me, order_no, "reship")).status_code == 200
    await eventually(lambda: _booked(office, order_no))
    if left:
        await moves(office, order_no, "picked_up")
        await eventually(lambda: _has_left(office, order_no))
    await first_arrives(office, order_no)
    await office.stage.reaches(order_no, "completed")
    reported = await event_types(office, order_no)
    assert ("replacement_not_stopped" if left else "replacement_stopped") in reported
    assert office.stage.parcels(order_no)[-1] == ("picked_up" if left else "cancelled")
    assert await level(office, sku) == ((0, 0, 0) if left else (2, 0, 0))
    async with office.stage.database.begin() as conn:
        (cause,) = await DETECTORS[Kind.PARCEL_TWICE](conn, office.stage.settings)
    assert cause.count >= 1
    await nothing_is_wrong(office)


async def test_a_replacement_that_cannot_be_booked_is_stopped_by_the_first_parcel(office: Office) -> None:
    sku = unique("UNBOOKED")
    await office.stage.stock(sku, 4, price_minor=500)
    order_no, me = await troubled(office, "lost", sku)
    office.stage.fault("carriers", "reject", 1, order_no=order_no)
    assert (await choose(me, order_no, "reship")).status_code == 200
    await eventually(lambda: _stuck_at(office, order_no, "book"))
    await first_arrives(office, order_no)
    await office.stage.reaches(order_no, "completed")
    assert "replacement_stopped" in await event_types(office, order_no)
    assert await level(office, sku) == (2, 0, 0)
    await nothing_is_wrong(office)


async def _has_left(office: Office, order_no: str) -> bool:
    return "replacement_picked_up" in await event_types(office, order_no)


async def _stuck_at(office: Office, order_no: str, step: str) -> list[Any]:
    return await office.stage.sql(
        "SELECT 1 FROM parked_steps WHERE order_no = :o AND step = :s AND resolved_at IS NULL", o=order_no, s=step
    )
