"""An order that ships in two parts, while a process dies between its two bookings."""

import secrets
from typing import Any

import pytest

from tests.faults.driver import basket, pay, place, post, stocked
from tests.faults.stackrun import StackRun, until

pytestmark = pytest.mark.faults

OTHER = "WH-SOUTH"


async def apart(stack: StackRun) -> str:
    """An unpaid order of three pieces: two are in one warehouse, one is in another."""
    sku = await stocked(stack, 2)
    body = {"sku": sku, "quantity": 1, "reference": secrets.token_hex(4), "warehouse": OTHER}
    assert (await post(stack, "/v1/stock/receipts", body, "warehouse")).status_code == 201
    order_no = await place(stack, basket(sku, token=None, quantity=3))
    await stack.reaches(order_no, "pending_payment")
    return order_no


async def parcels(stack: StackRun, order_no: str) -> list[dict[str, Any]]:
    return [one for one in await stack.items("/shipments", order_no=order_no) if one["status"] != "cancelled"]


async def test_a_worker_that_dies_between_two_bookings_books_each_part_once(still: StackRun) -> None:
    """One of the calls has acted and was not answered when the worker dies."""
    order_no = await apart(still)
    await still.fault("carriers", "timeout_after", 1, order_no=order_no, kind="book")
    await pay(still, order_no)

    async def begun() -> bool:
        return len(await parcels(still, order_no)) > 0

    await until(begun, "a parcel is booked")
    await still.kill("worker")

    async def booked() -> bool:
        found = await still.sql("SELECT status FROM fulfilments WHERE order_no = %(o)s", o=order_no)
        return [part["status"] for part in found] == ["booked", "booked"]

    await until(booked, "both parts are booked")
    assert len(await parcels(still, order_no)) == 2
    for parcel in reversed(await parcels(still, order_no)):
        for status in ("delivered", "picked_up", "delivered"):
            await still.sandbox("POST", f"/shipments/{parcel['id']}/advance", json={"status": status})
    await still.reaches(order_no, "completed")
    moved = await still.sql(
        "SELECT kind, sum(quantity)::int AS units FROM stock_movements WHERE order_no = %(o)s GROUP BY kind ORDER BY 1",
        o=order_no,
    )
    assert moved == [{"kind": "reserve", "units": 3}, {"kind": "ship", "units": 3}]
