"""Fulfilments that a supplier is asked to ship, without a workflow."""

from activities.orders.lifecycle import OrderActivities
from activities.shipping.bookings import ShippingActivities
from infra.security.crypto import Vault
from tests.api.conftest import ApiClient, unique
from tests.factories.order_changes import paid, placed, stocked
from tests.factories.picking import Booked
from workflows import payloads as m


async def supplier(shop: ApiClient, sku: str, units: int, **more: object) -> str:
    """A new supplier who reports so many units of the product; its code."""
    code, olga = unique("SUP"), shop.as_("operations", "olga")
    place = {"code": code, "name": code, "country": "CN", "province": "广东省", "city": "广州市", "kind": "supplier"}
    answer = await olga.post("/v1/warehouses", place | {"lead_time_days": 2, "priority": 1} | more)
    assert answer.status_code == 201, answer.text
    change = {"sku": sku, "quantity": units, "reason": "the supplier reports it", "warehouse": code}
    answer = await shop.as_("warehouse").post("/v1/stock/adjustments", change)
    assert answer.status_code == 201, answer.text
    return code


async def asked(shop: ApiClient, quantity: int = 2, units: int = 5) -> tuple[Booked, str]:
    """An order that only a supplier can ship, which is asked; and the supplier."""
    sku = await stocked(shop, units=1)
    code = await supplier(shop, sku, units)
    number = await placed(shop, sku, quantity)
    services = shop.app.state.services
    settings = services.settings.model_copy(update={"max_fulfilments": 1})
    view = await OrderActivities(services.database, settings).reserve_stock(m.OrderRef(number))
    assert view.status == "pending_payment"
    await paid(shop, number)
    await asks(shop, number)
    return Booked(number, sku), code


async def asks(shop: ApiClient, number: str) -> None:
    """As the workflow's booking step leaves it."""
    services = shop.app.state.services
    vault = Vault.from_settings(services.settings)
    await ShippingActivities(services.database, {}, vault, services.settings).book_shipment(m.OrderRef(number))
