"""Fulfilments that the warehouse can work on, without a workflow and without a carrier."""

from dataclasses import dataclass
from typing import Any

import httpx

from domain.orders.status import OrderEvent, Status
from infra.db.orders.state import timeline
from tests.api.conftest import ApiClient
from tests.factories.order_changes import HOUSE, paid, placed, reserved, stocked


@dataclass(frozen=True)
class Booked:
    """An order in preparation: a carrier is booked for its only fulfilment."""

    order_no: str
    sku: str

    @property
    def id(self) -> str:
        return f"{self.order_no}-F1"

    @property
    def shipment_id(self) -> str:
        return f"{self.order_no}-S1"

    @property
    def label(self) -> str:
        return f"TRACK-{self.order_no}"


async def booked(shop: ApiClient, quantity: int = 3, sku: str | None = None, **product: Any) -> Booked:
    sku = sku or await stocked(shop, **product)
    number = await placed(shop, sku, quantity)
    await reserved(shop, number)
    await paid(shop, number)
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, address_rev, "
        "carrier_ref, tracking_no) SELECT order_no || '-S1', order_no, %s, 'sandbox', 'booked', order_no || '/book/1', "
        "address_rev, 'ref-' || order_no, 'TRACK-' || order_no FROM orders WHERE order_no = %s",
        HOUSE, number,
    )  # fmt: skip
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        await timeline.transition(conn, number, Status.PAID, OrderEvent.SHIPMENT_BOOKED)
    return Booked(number, sku)


async def carrier_scans(shop: ApiClient, one: Booked, status: str = "picked_up") -> None:
    """The carrier reports it, and the order's workflow has read it."""
    from activities.orders.inbox import apply_inbox

    await shop.sql(
        "INSERT INTO inbox (provider, event_id, kind, order_no, fact) VALUES ('sandbox', %s, 'shipment', %s, "
        "jsonb_build_object('carrier_ref', %s::text, 'tracking_no', %s::text, 'status', %s::text))",
        f"e-{status}-{one.order_no}", one.order_no, f"ref-{one.order_no}", one.label, status,
    )  # fmt: skip
    services = shop.app.state.services
    async with services.database.begin() as conn:
        await apply_inbox(conn, one.order_no, services.settings)


def lines(*quantities: int, **more: Any) -> dict[str, Any]:
    return {"lines": [{"line_no": no, "quantity": units, **more} for no, units in enumerate(quantities, 1)]}


async def does(
    shop: ApiClient, act: str, fulfilment_id: str, body: Any = None, key: str | None = None
) -> httpx.Response:
    return await shop.as_("warehouse", "wu").post(f"/v1/fulfilments/{fulfilment_id}/{act}", body or {}, key)


async def done(shop: ApiClient, act: str, fulfilment_id: str, body: Any = None) -> dict[str, Any]:
    answer = await does(shop, act, fulfilment_id, body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found
