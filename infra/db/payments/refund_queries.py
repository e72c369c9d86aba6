"""Reading refunds for people."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from infra.db.customers.profiles import KeyRing

_ROWS = """
    SELECT r.refund_id, r.refund_no, r.order_no, r.origin, r.return_id, r.amount_minor, r.goods_minor, r.shipping_minor,
           r.currency, r.status, r.created_at, r.updated_at, r.asked_by, r.reason_enc, r.approval_id, c.data_key,
           (SELECT json_agg(json_build_object('line_no', n.line_no, 'sku', l.sku, 'quantity', n.quantity,
                     'amount_minor', n.amount_minor, 'shipping_minor', n.shipping_minor) ORDER BY n.line_no)
              FROM refund_lines n JOIN order_lines l ON l.order_no = r.order_no AND l.line_no = n.line_no
             WHERE n.refund_id = r.refund_id) AS lines,
           (SELECT min(p.created_at) FROM payments p WHERE p.order_no = r.order_no AND p.refund_id = r.refund_id
               AND p.status = 'pending') AS pending_since,
           (SELECT k.since FROM parked_steps k WHERE k.order_no = r.order_no AND k.resolved_at IS NULL
               AND k.step = 'refund' AND k.subject = r.refund_id) AS failed_since,
           (SELECT json_agg(json_build_object('payment_id', x.payment_id, 'amount_minor', x.amount_minor,
                     'provider', p.provider) ORDER BY x.payment_id)
              FROM refund_allocations x JOIN payments p USING (payment_id) WHERE x.refund_id = r.refund_id) AS parts
      FROM refunds r JOIN orders o USING (order_no) JOIN customers c USING (customer_id)
"""
_OF_ORDER = text(_ROWS + " WHERE r.order_no = :order_no ORDER BY r.refund_no")
_ONE = text(_ROWS + " WHERE r.refund_id = :refund_id")


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[dict[str, Any]]:
    """The order's refunds, oldest first, their reasons opened (None where the key is gone)."""
    return [_opened(keys, row) for row in await conn.execute(_OF_ORDER, {"order_no": order_no})]


async def find(conn: AsyncConnection, keys: KeyRing, refund_id: str) -> dict[str, Any]:
    """One refund. Raises NotFound `refund_not_found`."""
    row = (await conn.execute(_ONE, {"refund_id": refund_id})).one_or_none()
    if row is None:
        raise NotFound("refund_not_found")
    return _opened(keys, row)


def _opened(keys: KeyRing, row: Any) -> dict[str, Any]:
    known = dict(row._mapping)
    key, sealed = known.pop("data_key"), known.pop("reason_enc")
    known["reason"] = keys.open_json(key, sealed or None, f"{row.refund_id}:reason")
    return known
