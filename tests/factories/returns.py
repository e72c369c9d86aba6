"""Delivered orders and their returns, as the front door and a warehouse leave them."""

from typing import Any

from tests.api.conftest import ApiClient, an_order, unique

WINDOW_S = 7 * 86_400


async def delivered(shop: ApiClient, *, paid: bool = True, window_s: int = WINDOW_S, **changed: Any) -> str:
    """An order at its customer's door, its money taken; without Temporal, as its workflow would leave it."""
    order_no = str((await shop.post("/v1/orders", an_order(**changed))).json()["order_no"])
    total = (await shop.sql("SELECT total_minor FROM orders WHERE order_no = %s", order_no))[0]["total_minor"]
    if paid:
        await shop.sql(
            """INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key,
                                     provider_ref)
               VALUES (%s, 'capture', 1, 'sandbox', %s, 'CNY', 'succeeded', %s, %s)""",
            order_no, total, unique("capture"), unique("ref"),
        )  # fmt: skip
    for event, source, target in (
        ("stock_reserved", "received", "pending_payment"),
        ("payment_captured", "pending_payment", "paid"),
        ("shipment_booked", "paid", "preparing"),
        ("shipment_picked_up", "preparing", "shipped"),
    ):
        await moves(shop, order_no, event, source, target, None)
    await moves(shop, order_no, "shipment_delivered", "shipped", "delivered", window_s)
    return order_no


async def moves(shop: ApiClient, order_no: str, event: str, source: str, target: str, window_s: int | None) -> None:
    await shop.sql(
        """INSERT INTO order_events (order_no, type, from_status, to_status, data, actor)
           SELECT %s, %s, %s, %s, CASE WHEN %s::int IS NULL THEN '{"warehouse": "WH-EAST"}'::jsonb
             ELSE jsonb_build_object('waiting', jsonb_build_object('what', 'return_window', 'next', 'done',
                    'until', now() + make_interval(secs => %s::int))) END, 'system'""",
        order_no, event, source, target, window_s, window_s,
    )  # fmt: skip


def a_return(sku: str = "TEA-1", quantity: int = 1, **changed: Any) -> dict[str, Any]:
    """A return as the contract shows it."""
    lines = [{"sku": sku, "quantity": quantity}]
    return {"lines": lines, "reason": "it does not please", "resolution": "refund"} | changed


def found(condition: str = "as_new", sku: str = "TEA-1", quantity: int = 1) -> dict[str, Any]:
    """What the warehouse says."""
    return {"lines": [{"sku": sku, "quantity": quantity, "condition": condition}]}
