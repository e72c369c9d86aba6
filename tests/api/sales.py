"""Orders that were paid, refunded and cancelled, as their workflows would leave them in the books."""

from typing import Any

from tests.api.conftest import Door, an_order, unique

_EVENT = "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, %s, %s, %s, 'system')"
_CAPTURE = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref)
SELECT order_no, 'capture', 1, 'sandbox', total_minor, currency, 'succeeded', %(id)s, %(id)s
  FROM orders WHERE order_no = %(order_no)s
"""
_REFUND = """
WITH kept AS (SELECT payment_id FROM payments WHERE order_no = %(order_no)s AND kind = 'capture'),
refund AS (INSERT INTO refunds (refund_id, order_no, origin, amount_minor, goods_minor, shipping_minor, currency,
                                status, asked_by, reason_enc)
           VALUES (%(id)s, %(order_no)s, 'support', %(minor)s, %(minor)s, 0, 'CNY', 'approved', 'support:amy', '')
           RETURNING refund_id),
part AS (INSERT INTO refund_parts SELECT refund_id, payment_id, %(minor)s FROM refund, kept)
INSERT INTO refund_lines (refund_id, line_no, quantity, amount_minor)
SELECT refund_id, 1, %(quantity)s, %(minor)s FROM refund
"""
_RETURN = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref,
                      parent_id, refund_id)
SELECT order_no, 'refund', 1, 'sandbox', %(minor)s, 'CNY', 'succeeded', %(id)s, %(id)s, payment_id, %(refund_id)s
  FROM payments WHERE order_no = %(order_no)s AND kind = 'capture'
"""


async def placed(shop: Door, **changed: Any) -> str:
    answer = await shop.post("/v1/orders", an_order(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def paid(shop: Door, **changed: Any) -> str:
    """An order whose money was captured."""
    order_no = await placed(shop, **changed)
    await shop.sql(_EVENT, order_no, "stock_reserved", "received", "pending_payment")
    await shop.sql(_EVENT, order_no, "payment_captured", "pending_payment", "paid")
    await shop.named(_CAPTURE, {"order_no": order_no, "id": unique(order_no)})
    return order_no


async def refunded(shop: Door, order_no: str, minor: int, quantity: int = 0, succeeded: bool = True) -> str:
    """A refund of the order's first line, paid or still to be paid; its id."""
    refund_id = unique("rfd")
    values = {"order_no": order_no, "id": refund_id, "minor": minor, "quantity": quantity, "refund_id": refund_id}
    await shop.named(_REFUND, values)
    if succeeded:
        await shop.named(_RETURN, values)
        await shop.sql("UPDATE refunds SET status = 'succeeded' WHERE refund_id = %s", refund_id)
    return refund_id


async def cancelled(shop: Door, order_no: str, minor: int) -> None:
    """The order is undone and the rest of its money, `minor`, given back without a refund of its own."""
    values = {"order_no": order_no, "id": unique("ret"), "minor": minor, "refund_id": None}
    await shop.named(_RETURN, values)
    await shop.sql(_EVENT, order_no, "order_cancelled", "paid", "cancelled")
