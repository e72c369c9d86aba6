"""Moving an order manually, along the transition table and not beside it."""

from typing import Any

import httpx
import pytest

from tests.factories.holds import hold, release
from tests.integration.approvals.test_approval_requests import code, decide
from tests.integration.conftest import Office
from tests.workflows.orders.test_order import cancel
from tests.workflows.scenarios import pay_again
from tests.workflows.split_orders import booked as part_booked
from tests.workflows.split_orders import second_warehouse, split_order

PARCEL = {"carrier": "a neighbour", "tracking_no": "N-1"}


async def adjust(office: Office, order_no: str, event: str, name: str = "ann", **more: Any) -> httpx.Response:
    body = {"event": event, "reason": "seen with my own eyes"} | more
    return await office.staff(name).post(f"/v1/support/orders/{order_no}/adjust", body)


async def booked(office: Office) -> str:
    order_no = await office.unpaid()
    await pay_again(office.stage, order_no)
    await office.stage.reaches(order_no, "preparing")
    return order_no


async def test_an_order_is_walked_to_its_end_manually(office: Office) -> None:
    order_no = await booked(office)
    for event, status in (("shipment_picked_up", "shipped"), ("shipment_delivered", "delivered")):
        answer = await adjust(office, order_no, event)
        assert (answer.status_code, answer.json()["outcome"]) == (200, event), answer.text
        assert answer.json()["status"] in (status, "completed")
    await office.stage.reaches(order_no, "completed")
    kinds = await office.stage.events(order_no)
    assert kinds.count("order_adjusted") == 2
    assert await office.stage.handle(order_no).result() == "completed"


async def test_money_recorded_manually_needs_an_approver_whatever_the_amount(office: Office) -> None:
    order_no = await office.unpaid()
    answer = await adjust(office, order_no, "payment_recorded", value={"reference": "bank 17"})
    assert answer.status_code == 202, answer.text
    assert await office.stage.status(order_no) == "pending_payment"
    assert (await decide(office, "fay", answer.json()["approval_id"], role="finance")).status_code == 200
    await office.stage.reaches(order_no, "preparing")
    assert office.stage.payments(order_no) == []
    (row,) = await office.stage.sql(
        "SELECT l.amount_minor, p.provider_ref FROM payment_ledger l JOIN payments p USING (payment_id) "
        "WHERE l.order_no = :o", o=order_no)  # fmt: skip
    assert tuple(row) == (2_000, "bank 17")


async def test_a_parcel_that_was_booked_manually(office: Office) -> None:
    order_no = await office.parked()
    refused = await adjust(office, order_no, "shipment_recorded", value=PARCEL)
    assert code(refused) == (409, "step_is_stuck")


@pytest.mark.parametrize(
    ("event", "value", "expected"),
    [
        ("shipment_delivered", None, (409, "adjustment_not_possible")),
        ("stock_reserved", None, (422, "not_adjustable")),
        ("order_cancelled", None, (422, "not_adjustable")),
        ("wish", None, (422, "validation_failed")),
        ("payment_recorded", None, (422, "invalid_value")),
        ("payment_recorded", {"reference": ""}, (422, "invalid_value")),
        ("payment_recorded", {"reference": "a\x00"}, (422, "invalid_text")),
        ("shipment_picked_up", {"x": "y"}, (422, "invalid_value")),
    ],
)
async def test_what_does_not_fit_changes_nothing(
    office: Office, event: str, value: Any, expected: tuple[int, str]
) -> None:
    order_no = await office.unpaid()
    answer = await adjust(office, order_no, event, value=value)
    assert code(answer) == expected
    assert await office.stage.status(order_no) == "pending_payment"
    assert not await office.stage.sql("SELECT 1 FROM staff_actions WHERE order_no = :o", o=order_no)


async def test_held_or_being_undone_it_is_not_adjusted(office: Office) -> None:
    order_no = await office.unpaid()
    await hold(office.stage, order_no, "manual")
    refused = await adjust(office, order_no, "payment_recorded", value={"reference": "r"})
    assert code(refused) == (409, "order_is_held")
    other = await office.unpaid()
    await cancel(office.stage, other)
    await office.stage.reaches(other, "cancelled")
    refused = await adjust(office, other, "payment_recorded", value={"reference": "r"})
    assert code(refused) == (409, "adjustment_not_possible")


async def test_a_step_of_a_held_order_is_not_skipped_before_the_release(office: Office) -> None:
    order_no = await office.parked()
    hold_no = await hold(office.stage, order_no, "address")
    skip = {"action": "skip", "reason": "a neighbour takes it", "value": PARCEL}
    path = f"/v1/support/orders/{order_no}/resolve"
    assert code(await office.staff("ann").post(path, skip)) == (409, "order_is_held")
    assert await office.stage.status(order_no) == "paid"
    await release(office.stage, order_no, hold_no)
    assert (await office.staff("ann").post(path, skip)).status_code == 200
    await office.stage.reaches(order_no, "preparing", 60)


async def test_each_parcel_of_an_order_in_several_parts_is_reported_alone(office: Office) -> None:
    await second_warehouse(office.stage)
    order_no = await split_order(office.stage)
    for number in (1, 2):
        await part_booked(office.stage, order_no, number)
    first, second = ({"fulfilment_id": f"{order_no}-F{number}"} for number in (1, 2))
    assert code(await adjust(office, order_no, "shipment_picked_up")) == (422, "fulfilment_unclear")
    unknown = await adjust(office, order_no, "shipment_picked_up", fulfilment_id="F-9")
    assert code(unknown) == (404, "fulfilment_not_found")
    assert code(await adjust(office, order_no, "shipment_delivered", **first)) == (409, "adjustment_not_possible")
    assert (await adjust(office, order_no, "shipment_picked_up", **first)).json()["status"] == "preparing"
    assert (await adjust(office, order_no, "shipment_delivered", **first)).json()["status"] == "preparing"
    assert code(await adjust(office, order_no, "shipment_delivered", **second)) == (409, "adjustment_not_possible")
    assert (await adjust(office, order_no, "shipment_picked_up", **second)).json()["status"] == "shipped"
    assert (await adjust(office, order_no, "shipment_delivered", **second)).status_code == 200
    await office.stage.reaches(order_no, "completed")
    assert (await office.stage.events(order_no)).count("order_adjusted") == 4
