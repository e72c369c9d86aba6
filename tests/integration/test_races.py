"""Two things at the same moment, decided one way or the other and never both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from tests.integration.conftest import CHEAP, Office
from tests.order_stage import eventually
from tests.workflows.scenarios import pay_again


async def cancel(office: Office, order_no: str) -> httpx.Response:
    answer = await office.staff("ann").post(f"/v1/orders/{order_no}/cancel", {"reason": "the customer asks"})
    assert answer.status_code in (200, 409), answer.text
    return answer


@asynccontextmanager
async def paying(office: Office, order_no: str) -> AsyncIterator[None]:
    """The customer pays, and waits for the answer while something else happens."""
    payment = asyncio.create_task(pay_again(office.stage, order_no))
    yield
    await payment


async def under_way(office: Office, table: str, order_no: str, **row: str) -> None:
    """Wait until the intent of a provider's call is in the database: the call itself is slow."""
    where = " AND ".join(f"{name} = :{name}" for name in row)
    await eventually(
        lambda: office.stage.sql(f"SELECT 1 FROM {table} WHERE order_no = :order_no AND {where}",
                                 order_no=order_no, **row))  # fmt: skip


async def held_by_the_world(office: Office, order_no: str) -> dict[str, Any]:
    """What the sandbox has of the order: money kept, authorisations open, parcels that may still be carried."""
    items = office.stage.sandbox.http.get("/payments", params={"order_no": order_no}).json()["items"]
    done = [item for item in items if item["status"] == "succeeded"]
    sums = {kind: sum(item["amount_minor"] for item in done if item["kind"] == kind) for kind in ("capture", "refund")}
    ended = {item["parent_id"] for item in done if item["kind"] in ("capture", "void")}
    dangling = [item["id"] for item in done if item["kind"] == "authorise" and item["id"] not in ended]
    live = [status for status in office.stage.parcels(order_no) if status != "cancelled"]
    return {"kept": sums["capture"] - sums["refund"], "dangling": dangling, "live": live}


NOTHING = {"kept": 0, "dangling": [], "live": []}


async def test_cancel_against_capture_takes_nothing_in_the_end(office: Office) -> None:
    """The money is being taken while the customer cancels: it is taken and returned, or not taken at all."""
    order_no = await office.stage.place(sku=CHEAP, token=None)
    await office.stage.reaches(order_no, "pending_payment")
    office.stage.fault("payments", "slow", 1, order_no=order_no, kind="capture")
    async with paying(office, order_no):
        await under_way(office, "payments", order_no, kind="capture", status="intent")
        assert (await cancel(office, order_no)).status_code == 200
    await office.stage.reaches(order_no, "cancelled")
    assert await held_by_the_world(office, order_no) == NOTHING


async def test_cancel_against_booking_recalls_the_parcel(office: Office) -> None:
    """The parcel is being booked while the customer cancels: it is recalled, and the money goes back."""
    order_no = await office.stage.place(sku=CHEAP, token=None)
    await office.stage.reaches(order_no, "pending_payment")
    office.stage.fault("carriers", "slow", 1, order_no=order_no, kind="book")
    async with paying(office, order_no):
        await under_way(office, "shipments", order_no, status="booking")
        assert (await cancel(office, order_no)).status_code == 200
    await office.stage.reaches(order_no, "cancelled")
    assert await held_by_the_world(office, order_no) == NOTHING


async def test_cancel_against_a_booking_that_was_carried_out_unheard(office: Office) -> None:
    """The carrier booked but its answer is lost; whoever cancels then finds no parcel left on its way."""
    order_no = await office.stage.place(sku=CHEAP, token=None)
    await office.stage.reaches(order_no, "pending_payment")
    office.stage.fault("carriers", "timeout_after", 1, order_no=order_no, kind="book")
    async with paying(office, order_no):
        await under_way(office, "shipments", order_no, status="booking")
        assert (await cancel(office, order_no)).status_code == 200
    await office.stage.reaches(order_no, "cancelled")
    assert await held_by_the_world(office, order_no) == NOTHING


async def test_cancel_against_pickup_is_refused_or_recalls_never_both(office: Office) -> None:
    """The carrier has the parcel when the recall comes: the cancellation is refused and the order goes on."""
    order_no = await office.stage.place(sku=CHEAP)
    await office.stage.reaches(order_no, "preparing")
    (parcel,) = office.stage.sandbox.http.get("/shipments", params={"order_no": order_no}).json()["items"]
    # The driver scans it; the notification is still on its way when the customer cancels.
    moved = office.stage.sandbox.http.post(f"/shipments/{parcel['id']}/advance", json={"status": "picked_up"})
    assert moved.status_code == 200
    answer = await cancel(office, order_no)
    assert (answer.status_code, answer.json().get("code")) == (409, "parcel_on_its_way")
    await office.stage.reaches(order_no, "shipped")
    assert await held_by_the_world(office, order_no) == {"kept": 2_000, "dangling": [], "live": ["picked_up"]}
