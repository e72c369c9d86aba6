"""The rest of an order is woken, whatever dies while its stock arrives, and once."""

import secrets
from typing import Any

import pytest

from tests.faults.driver import basket, pay, place, post, stocked
from tests.faults.stackrun import StackRun, until

pytestmark = pytest.mark.faults


async def partly(stack: StackRun) -> tuple[str, str]:
    """A paid order of three pieces, of which one is there and is booked; its number and the product."""
    sku = await stocked(stack, 1)
    body = basket(sku, token=None, quantity=3) | {"backorder": True, "ship_complete": False}
    order_no = await place(stack, body)
    await stack.reaches(order_no, "pending_payment")
    await pay(stack, order_no)
    await parts(stack, order_no, "booked", "planned")
    return order_no, sku


async def parts(stack: StackRun, order_no: str, *statuses: str) -> None:
    async def there() -> bool:
        found = await stack.sql("SELECT status FROM fulfilments WHERE order_no = %(o)s ORDER BY number", o=order_no)
        return [part["status"] for part in found] == list(statuses)

    await until(there, f"fulfilments {statuses}")


async def arrive(stack: StackRun, sku: str) -> None:
    body = {"sku": sku, "quantity": 2, "reference": secrets.token_hex(4)}
    assert (await post(stack, "/v1/stock/receipts", body, "warehouse")).status_code == 201


async def reserved(stack: StackRun, order_no: str) -> list[dict[str, Any]]:
    return await stack.sql(
        "SELECT fulfilment_no, quantity::int AS units FROM reservations WHERE order_no = %(o)s ORDER BY 1", o=order_no
    )


async def test_stock_that_arrives_while_the_worker_is_dead_wakes_the_rest_once(still: StackRun) -> None:
    order_no, sku = await partly(still)
    await still.kill("worker")
    await arrive(still, sku)
    await still.kill("relay")
    await parts(still, order_no, "booked", "booked")
    assert await reserved(still, order_no) == [{"fulfilment_no": 1, "units": 1}, {"fulfilment_no": 2, "units": 2}]
    parcels = [one for one in await still.items("/shipments", order_no=order_no) if one["status"] != "cancelled"]
    assert len(parcels) == 2


async def test_a_wake_that_is_lost_is_made_up_for_by_the_relay(still: StackRun) -> None:
    order_no, sku = await partly(still)
    await still.sql("ALTER TABLE stock_levels DISABLE TRIGGER stock_level_signals")
    try:
        await arrive(still, sku)
    finally:
        await still.sql("ALTER TABLE stock_levels ENABLE TRIGGER stock_level_signals")
    await parts(still, order_no, "booked", "booked")
