"""Orders that were paid, refunded and cancelled, as their workflows would leave them in the database."""

from typing import Any

from tests.api.conftest import ApiClient, an_order, unique

_EVENT = "INSERT INTO order_events (order_no, type, from_status, to_status, actor) VALUES (%s, %s, %s, %s, 'system')"
_CAPTURE = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref)
SELECT order_no, 'capture', 1, 'sandbox', total_minor, currency, 'succeeded', %(id)s, %(id)s
  FROM orders WHERE order_no = %(order_no)s
"""
_PAY = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref,
                      parent_id, refund_id)
SELECT r.order_no, 'refund', 1, 'sandbox', p.amount_minor, r.currency, 'succeeded', x.key, x.key, p.payment_id,
       r.refund_id
  FROM refunds r JOIN refund_allocations p USING (refund_id),
       LATERAL (SELECT p.payment_id || r.refund_id || '/' || count(*) AS key, bool_or(b.status = 'succeeded') AS paid
                  FROM payments b WHERE b.refund_id = r.refund_id AND b.parent_id = p.payment_id) x
 WHERE r.refund_id = %(refund_id)s AND x.paid IS NOT TRUE
"""
_RETURN = """
INSERT INTO payments (order_no, kind, attempt, provider, amount_minor, currency, status, idempotency_key, provider_ref,
                      parent_id)
SELECT order_no, 'refund', 1, 'sandbox', %(minor)s, currency, 'succeeded', %(id)s, %(id)s, payment_id
  FROM payments WHERE order_no = %(order_no)s AND kind = 'capture'
"""


async def placed(shop: ApiClient, **changed: Any) -> str:
    answer = await shop.post("/v1/orders", an_order(**changed))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["order_no"])


async def paid(shop: ApiClient, **changed: Any) -> str:
    """An order whose money was captured."""
    order_no = await placed(shop, **changed)
    await shop.sql(_EVENT, order_no, "stock_reserved", "received", "pending_payment")
    await shop.sql(_EVENT, order_no, "payment_captured", "pending_payment", "paid")
    await shop.named(_CAPTURE, {"order_no": order_no, "id": unique(order_no)})
    return order_no


async def refunded(
    shop: ApiClient, order_no: str, minor: int | None = None, succeeded: bool = True, **body: Any
) -> str:
    """A refund of `minor`, or of what `wish` says, paid or still to be paid; its id."""
    content = {"reason": "late", **({} if minor is None else {"amount_minor": minor}), **body}
    answer = await shop.post(f"/v1/orders/{order_no}/refunds", content)
    assert answer.status_code == 201, answer.text
    refund_id = str(answer.json()["refund_id"])
    if succeeded:
        await paid_back(shop, refund_id)
    return refund_id


async def paid_back(shop: ApiClient, refund_id: str) -> None:
    """The refund's money went back, once more where a part of it bounced."""
    await shop.named(_PAY, {"refund_id": refund_id})
    await shop.sql("UPDATE refunds SET status = 'succeeded' WHERE refund_id = %s", refund_id)


async def cancelled(shop: ApiClient, order_no: str, minor: int) -> None:
    """The order is undone and the rest of its money, `minor`, given back without a refund of its own."""
    await shop.named(_RETURN, {"order_no": order_no, "id": unique("ret"), "minor": minor})
    await shop.sql(_EVENT, order_no, "order_cancelled", "paid", "cancelled")
