"""Orders to change, brought to where a test wants them without a workflow."""

from typing import Any

import httpx

from domain.orders.status import OrderEvent, Status
from infra.db.orders.state import timeline
from infra.db.stock import reservations
from tests.api.conftest import ApiClient, an_order, unique

HOUSE = "WH-EAST"
ELSEWHERE = {
    "name": "Han Mei",
    "phone": "13900139000",
    "country": "CN",
    "province": "浙江省",
    "city": "杭州市",
    "district": "西湖区",
    "line1": "Other Road 2",
    "postcode": "310000",
}


async def stocked(shop: ApiClient, price_minor: int = 1_000, units: int = 20, currency: str = "CNY") -> str:
    """A new product with units at the house; its SKU."""
    sku = unique("CHG")
    product = {"sku": sku, "name": f"Tea {sku}", "price_minor": price_minor, "currency": currency}
    assert (await shop.as_("operations").post("/v1/products", product)).status_code == 201
    receipt = {"sku": sku, "quantity": units, "reference": unique("PO"), "warehouse": HOUSE}
    assert (await shop.as_("warehouse").post("/v1/stock/receipts", receipt)).status_code == 201
    return sku


async def placed(shop: ApiClient, sku: str, quantity: int = 3, **changed: Any) -> str:
    answer = await shop.post("/v1/orders", an_order(sku, quantity, **{"payment": None, **changed}))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def reserved(shop: ApiClient, number: str) -> None:
    """As the workflow's first step leaves it."""
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        await reservations.reserve_at(conn, number, HOUSE)
        data = {"warehouse": HOUSE}
        await timeline.transition(conn, number, Status.RECEIVED, OrderEvent.STOCK_RESERVED, data=data)


async def paid(shop: ApiClient, number: str) -> None:
    """As a capture leaves it."""
    (order,) = await shop.sql("SELECT total_minor FROM orders WHERE order_no = %s", number)
    await shop.sql(
        "INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, "
        "provider_ref) VALUES (%s, 'capture', 1, 'sandbox', %s, 'CNY', 'succeeded', %s, %s)",
        number, order["total_minor"], unique("key"), unique("ref"),
    )  # fmt: skip
    async with shop.app.state.services.database.begin() as conn:
        await timeline.lock_order(conn, number)
        await timeline.transition(conn, number, Status.PENDING_PAYMENT, OrderEvent.PAYMENT_CAPTURED)


async def parcel(shop: ApiClient, number: str, status: str = "booking") -> None:
    await shop.sql(
        "INSERT INTO shipments (shipment_id, order_no, warehouse, carrier, status, idempotency_key, address_rev, "
        "tracking_no) SELECT order_no || '-S1', order_no, %s, 'sandbox', %s, order_no || '/book/1', address_rev, 'T' "
        "FROM orders WHERE order_no = %s",
        HOUSE, status, number,
    )  # fmt: skip


async def etag(shop: ApiClient, number: str) -> str:
    return (await shop.get(f"/v1/orders/{number}")).headers["etag"]


async def change(shop: ApiClient, number: str, body: Any, **more: Any) -> httpx.Response:
    """Change the order as it is now, unless `tag` says otherwise (None: no If-Match)."""
    tag = more["tag"] if "tag" in more else await etag(shop.as_("support", "amy"), number)
    headers = {"Idempotency-Key": more.get("key") or unique("key"), **shop.headers}
    if tag is not None:
        headers["If-Match"] = tag
    path = f"/v1/orders/{number}" + ("?preview=true" if more.get("preview") else "")
    return await shop.http.patch(path, json=body, headers=headers)


async def ledger_of(shop: ApiClient, number: str) -> dict[str, Any]:
    """What a refused change must leave as it was."""
    tables = {
        "orders": "SELECT * FROM orders WHERE order_no = %s",
        "lines": "SELECT * FROM order_lines WHERE order_no = %s ORDER BY line_no",
        "allocations": "SELECT * FROM allocations WHERE order_no = %s ORDER BY sku",
        "movements": "SELECT * FROM stock_movements WHERE order_no = %s ORDER BY movement_id",
        "changes": "SELECT * FROM order_changes WHERE order_no = %s",
        "requests": "SELECT request_id, name, payload FROM workflow_requests WHERE subject = %s",
        "events": "SELECT * FROM order_events WHERE order_no = %s ORDER BY seq",
        "refunds": "SELECT * FROM refunds WHERE order_no = %s",
    }
    return {name: await shop.sql(statement, number) for name, statement in tables.items()}


def lines(**units: int) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in units.items()]}


async def held(shop: ApiClient, number: str) -> dict[str, int]:
    rows = await shop.sql("SELECT sku, quantity FROM allocations WHERE order_no = %s AND state = 'reserved'", number)
    return {row["sku"]: row["quantity"] for row in rows}
