"""Customers hear of a later day before they ask, once for each new day."""

from datetime import UTC, datetime, timedelta
from typing import Any

from activities.orders.lifecycle import OrderActivities
from domain.notifications import NOTIFICATION_OF_EVENT
from tests.api.conftest import ApiClient, an_order, unique
from tests.factories.order_changes import HOUSE, paid, parcel, placed, stocked
from workers.relay.late_promises import LatePromises
from workflows import payloads as m

TODAY = datetime.now(UTC).date()


async def reserve(shop: ApiClient, number: str) -> None:
    services = shop.app.state.services
    await OrderActivities(services.database, services.settings).reserve_stock(m.OrderRef(number))


async def announced(shop: ApiClient, number: str) -> list[str]:
    """The days of which the customer was informed."""
    rows = await shop.sql(
        "SELECT data FROM order_events WHERE order_no = %s AND type = 'promise_moved' ORDER BY seq", number
    )
    return [row["data"]["until"][:10] for row in rows]


async def promise(shop: ApiClient, number: str) -> datetime:
    (row,) = await shop.sql("SELECT promised_to FROM fulfilments WHERE order_no = %s", number)
    found: datetime = row["promised_to"]
    return found


async def test_a_promise_that_passes_before_the_parcel_leaves_is_renewed_once(shop: ApiClient) -> None:
    number = await placed(shop, await stocked(shop))
    await reserve(shop, number)
    first = await promise(shop, number)
    assert TODAY <= first.date() <= TODAY + timedelta(days=3)
    order = (await shop.get(f"/v1/orders/{number}")).json()
    assert order["fulfilments"][0]["promised_to"] is not None
    await paid(shop, number)
    relay = LatePromises(shop.app.state.services.database, shop.app.state.services.settings)
    await relay.step()
    assert await announced(shop, number) == []
    await shop.sql("UPDATE fulfilments SET promised_to = now() - interval '1 hour' WHERE order_no = %s", number)
    await relay.step()
    await relay.step()
    assert await announced(shop, number) == [f"{await promise(shop, number):%Y-%m-%d}"]
    assert NOTIFICATION_OF_EVENT["promise_moved"] == "promise_moved"
    await parcel(shop, number, "picked_up")
    await shop.sql("UPDATE fulfilments SET promised_to = now() - interval '1 hour' WHERE order_no = %s", number)
    await relay.step()
    assert len(await announced(shop, number)) == 1


async def purchase(shop: ApiClient, sku: str, days: int) -> str:
    number = unique("PO")
    body = {"number": number, "supplier": "Tea Ltd", "warehouse": HOUSE, "lines": [{"sku": sku, "quantity": 4}],
            "expected_on": f"{TODAY + timedelta(days=days)}"}  # fmt: skip
    answer = await shop.as_("operations").post("/v1/purchase-orders", body)
    assert answer.status_code == 201, answer.text
    return number


async def waits(shop: ApiClient, sku: str, quantity: int) -> str:
    """An order that waits for stock."""
    order: dict[str, Any] = an_order(sku, quantity) | {"backorder": True, "payment": None}
    number = str((await shop.post("/v1/orders", order)).json()["order_no"])
    await reserve(shop, number)
    return number


async def test_whoever_waits_hears_when_a_purchase_order_slips(shop: ApiClient) -> None:
    sku = await stocked(shop, units=1)
    first, second = await waits(shop, sku, 3), await waits(shop, sku, 4)
    relay = LatePromises(shop.app.state.services.database, shop.app.state.services.settings)
    await relay.step()
    assert await announced(shop, first) == []
    bought = await purchase(shop, sku, days=5)
    await relay.step()
    await relay.step()
    (day,) = await announced(shop, first)
    assert f"{TODAY + timedelta(days=6)}" <= day <= f"{TODAY + timedelta(days=9)}"
    assert await announced(shop, second) == []
    await shop.sql("UPDATE purchase_orders SET expected_on = expected_on + 10 WHERE number = %s", bought)
    await relay.step()
    await relay.step()
    days = await announced(shop, first)
    assert len(days) == 2 and days[1] >= f"{TODAY + timedelta(days=16)}"
    await purchase(shop, sku, days=30)
    await relay.step()
    assert (len(await announced(shop, first)), len(await announced(shop, second))) == (2, 1)
    page = (await shop.get(f"/v1/orders/{first}")).json()
    assert page["status"] == "received"
