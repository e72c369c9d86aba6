"""Reading refunds for people."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import NotFound
from domain.payments.refunds import Origin, RefundStatus
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


class RefundLineJson(TypedDict):
    """What goes back of a line."""

    line_no: int
    sku: str
    quantity: int
    amount_minor: int
    shipping_minor: int


class RefundPartJson(TypedDict):
    """What goes back to a payment."""

    payment_id: int
    amount_minor: int
    provider: str


@dataclass(frozen=True, slots=True)
class RefundDetail:
    """A refund. Its provider decides since `pending_since`, it waits for support since `failed_since`.

    `reason` is None where the key is gone.
    """

    refund_id: str
    refund_no: int
    order_no: str
    origin: Origin
    return_id: str | None
    amount_minor: int
    goods_minor: int
    shipping_minor: int
    currency: str
    status: RefundStatus
    created_at: datetime
    updated_at: datetime
    asked_by: str
    approval_id: str | None
    lines: list[RefundLineJson] | None
    pending_since: datetime | None
    failed_since: datetime | None
    parts: list[RefundPartJson] | None
    reason: str | None = field(repr=False)


async def of_order(conn: AsyncConnection, keys: KeyRing, order_no: str) -> list[RefundDetail]:
    """The order's refunds, oldest first."""
    return [_opened(keys, row) for row in (await conn.execute(_OF_ORDER, {"order_no": order_no})).mappings()]


async def find(conn: AsyncConnection, keys: KeyRing, refund_id: str) -> RefundDetail:
    """One refund. Raises NotFound `refund_not_found`."""
    row = (await conn.execute(_ONE, {"refund_id": refund_id})).mappings().one_or_none()
    if row is None:
        raise NotFound("refund_not_found")
    return _opened(keys, row)


def _opened(keys: KeyRing, row: RowMapping) -> RefundDetail:
    reason = keys.open_json(row["data_key"], row["reason_enc"] or None, f"{row['refund_id']}:reason")
    known = {name: value for name, value in row.items() if name not in ("data_key", "reason_enc")}
    typed = {"origin": Origin(row["origin"]), "status": RefundStatus(row["status"]), "reason": reason}
    return RefundDetail(**{**known, **typed})
