"""Whatever happens to orders that ship what is there: no unit of a line is lost, and no stock is held twice."""

import random
from typing import Any

import pytest

from activities.stock.planned_parts import PlannedPartActivities
from tests.api.conftest import ApiClient, an_order, unique
from tests.api.sourcing.test_backorders import choose
from tests.api.sourcing.test_late_promises import reserve
from tests.api.sourcing.test_splits import warehouse
from tests.factories.order_changes import HOUSE, paid, stocked
from workflows import payloads as m

STEPS = 12
_LINES = """
SELECT l.order_no, l.line_no, l.quantity - l.cancelled_quantity AS wanted, coalesce(sum(n.quantity), 0)::int AS parts
  FROM order_lines l LEFT JOIN fulfilment_lines n USING (order_no, line_no)
 WHERE l.order_no = ANY(%s) GROUP BY l.order_no, l.line_no, wanted"""
_HELD = """
SELECT s.warehouse, s.reserved, s.on_hand, coalesce((SELECT sum(r.quantity) FROM reservations r
         WHERE r.sku = s.sku AND r.warehouse = s.warehouse AND r.state = 'reserved'), 0)::int AS held
  FROM stock_levels s WHERE s.sku = %s"""
_PARTS = """
SELECT f.number, f.status, sum(n.quantity)::int AS units, coalesce((SELECT sum(r.quantity) FROM reservations r
         WHERE r.order_no = f.order_no AND r.fulfilment_no = f.number AND r.state = 'reserved'), 0)::int AS held
  FROM fulfilments f LEFT JOIN fulfilment_lines n USING (order_no, number)
 WHERE f.order_no = %s GROUP BY f.order_no, f.number, f.status"""


async def placed(shop: ApiClient, sku: str, quantity: int) -> str:
    order: dict[str, Any] = an_order(sku, quantity) | {"backorder": True, "ship_complete": False, "payment": None}
    number = str((await shop.as_("customer", "c-17").post("/v1/orders", order)).json()["order_no"])
    await reserve(shop, number)
    if (await shop.sql("SELECT status FROM orders WHERE order_no = %s", number))[0]["status"] == "pending_payment":
        await paid(shop, number)
    return number


async def whole(shop: ApiClient, sku: str, orders: list[str]) -> None:
    """What holds after every step."""
    for number in orders:
        parts = await shop.sql(_PARTS, number)
        for part in parts:
            assert part["held"] == (part["units"] if part["status"] == "reserved" else 0), part
        for line in await shop.sql(_LINES, [number]) if parts else []:
            assert line["parts"] == line["wanted"], line
    for level in await shop.sql(_HELD, sku):
        assert level["reserved"] == level["held"] <= level["on_hand"], level


async def spread(shop: ApiClient, sku: str, houses: list[str], number: str) -> None:
    """What the order's planned part waits for arrives at two warehouses, and is sent by both."""
    for part in await shop.sql(_PARTS, number):
        if part["status"] == "planned" and part["units"] > 1:
            for house, units in zip(houses, (1, part["units"] - 1), strict=True):
                receipt = {"sku": sku, "quantity": units, "reference": unique("R"), "warehouse": house}
                assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
            await wake(shop, number)


async def wake(shop: ApiClient, number: str) -> None:
    """As the order's workflow does when stock has arrived."""
    services = shop.app.state.services
    activities = PlannedPartActivities(services.database, services.settings)
    for part in await shop.sql("SELECT number FROM fulfilments WHERE order_no = %s AND status = 'planned'", number):
        await activities.reserve_fulfilment(m.FulfilmentRef(number, part["number"]))


@pytest.mark.parametrize("seed", range(4))
async def test_no_unit_is_lost_or_held_twice(shop: ApiClient, seed: int) -> None:
    chance = random.Random(seed)
    sku = await stocked(shop, units=chance.randint(1, 3))
    houses = [HOUSE, await warehouse(shop, sku, chance.randint(1, 2))]
    orders: list[str] = [await placed(shop, sku, chance.randint(2, 9))]
    for _ in range(STEPS):
        number = chance.choice(orders)
        match chance.choice(("order", "arrive", "spread", "spread", "wake", "wake", "cancel", "expire")):
            case "spread":
                await spread(shop, sku, houses, number)
            case "order":
                orders.append(await placed(shop, sku, chance.randint(1, 6)))
            case "arrive":
                receipt = {"sku": sku, "quantity": chance.randint(1, 4), "reference": unique("R")}
                receipt |= {"warehouse": chance.choice(houses)}
                assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
            case "wake":
                await wake(shop, number)
            case "cancel":
                assert (await choose(shop, number, "cancel")).status_code in (200, 409)
            case "expire":
                services = shop.app.state.services
                activities = PlannedPartActivities(services.database, services.settings)
                if await shop.sql("SELECT 1 FROM fulfilments WHERE order_no = %s AND number = 2", number):
                    await activities.expire_fulfilment(m.FulfilmentRef(number, 2))
        await whole(shop, sku, orders)
