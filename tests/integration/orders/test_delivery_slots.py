"""The delivery slot while the order's workflow goes on: the carrier gets what the customer read."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.integration.conftest import Office
from tests.integration.orders.test_changes import let_go, paid_and_held, patched
from tests.integration.payments.test_change_payments import is_as_it_was, is_more_expensive, order_detail, paying_by
from tests.workflows.scenarios import pay_again

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) + timedelta(days=2)
SLOT = {
    name: (NOON + timedelta(hours=hours)).isoformat().replace("+00:00", "Z") for name, hours in (("from", 0), ("to", 3))
}


async def parcels(office: Office, order_no: str) -> list[dict[str, Any]]:
    """The order's parcels that the carrier has not called back, each whole."""
    http = office.stage.sandbox.http
    items = http.get("/shipments", params={"order_no": order_no}).json()["items"]
    return [http.get(f"/shipments/{item['id']}").json() for item in items if item["status"] != "cancelled"]


async def test_the_carrier_is_given_the_slot_and_prints_it(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, {"delivery_slot": SLOT})).status_code == 200
    await let_go(office, order_no)
    (parcel,) = await parcels(office, order_no)
    assert parcel["delivery_slot"] == SLOT
    assert SLOT["from"].encode() in base64.b64decode(parcel["label"]["content_base64"])


async def test_a_slot_that_is_over_keeps_no_parcel_back(office: Office) -> None:
    order_no = await paid_and_held(office)
    await office.stage.sql(
        "UPDATE orders SET slot_from = now() - interval '3 h', slot_to = now() - interval '1 h' WHERE order_no = :o",
        o=order_no,
    )
    await let_go(office, order_no)
    (parcel,) = await parcels(office, order_no)
    assert parcel["delivery_slot"] is None
    assert (await order_detail(office, order_no))["delivery_slot"] is not None


async def test_slot_against_label_is_decided_one_way_for_each(office: Office) -> None:
    """Many at once: who read that the slot is saved has a parcel with it, everybody else one without."""

    async def one() -> tuple[str, httpx.Response]:
        order_no = await office.unpaid()
        _, answer = await asyncio.gather(
            pay_again(office.stage, order_no), patched(office, order_no, {"delivery_slot": SLOT})
        )
        return order_no, answer

    for order_no, answer in await asyncio.gather(*(one() for _ in range(8))):
        assert answer.status_code in (200, 409), answer.text
        await office.stage.reaches(order_no, "preparing")
        (parcel,) = await parcels(office, order_no)
        assert parcel["delivery_slot"] == (SLOT if answer.status_code == 200 else None)


async def test_a_slot_waits_with_a_more_expensive_change_and_comes_with_it(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, paying_by(delivery_slot=SLOT))).status_code == 200
    await is_more_expensive(office, order_no)
    assert (await order_detail(office, order_no))["delivery_slot"] == SLOT


async def test_a_slot_is_not_kept_with_a_change_that_is_declined(office: Office) -> None:
    order_no = await paid_and_held(office)
    assert (await patched(office, order_no, paying_by("tok_decline", delivery_slot=SLOT))).status_code == 200
    await is_as_it_was(office, order_no, "declined")
    assert (await order_detail(office, order_no))["delivery_slot"] is None
