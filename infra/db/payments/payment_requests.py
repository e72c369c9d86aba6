"""A customer's wish to pay, kept before the order's workflow takes it up."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.errors import Conflict
from domain.orders.status import Status
from infra.provider_rules import amounts

_STATE = text(
    """
    SELECT o.status, o.cancelling, o.total_minor, o.currency,
           EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.kind = 'capture'
                      AND p.purpose = 'order' AND p.status = 'succeeded') AS paid,
           EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.kind IN ('authorise', 'capture')
                      AND p.purpose = 'order' AND p.status IN ('intent', 'pending')) AS in_flight
      FROM orders o WHERE o.order_no = :order_no
    """
)
_KEEP = text(
    """
    INSERT INTO payment_requests (request_id, order_no, method, token, actor)
    VALUES (:request_id, :order_no, :method, :token, :actor)
    ON CONFLICT (request_id) DO NOTHING
    """
)
_TAKEN_UP = text("SELECT attempt FROM payment_requests WHERE request_id = :request_id")

_TAKE_UP = text(
    """UPDATE payment_requests SET attempt =
         (SELECT coalesce(max(attempt), 0) + 1 FROM payment_requests WHERE order_no = :order_no)
        WHERE request_id = :request_id AND order_no = :order_no AND attempt IS NULL RETURNING attempt"""
)
_AMEND = text(
    """INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
       SELECT :request_id, r.order_no, r.attempt + 1, r.method, :token, :actor FROM payment_requests r
        WHERE r.order_no = :order_no AND r.attempt IS NOT NULL ORDER BY r.attempt DESC LIMIT 1
       ON CONFLICT (request_id) DO NOTHING"""
)


async def taken_up(conn: AsyncConnection, request_id: str) -> bool:
    """True once the order's workflow made an attempt of the request."""
    return (await conn.execute(_TAKEN_UP, {"request_id": request_id})).scalar_one_or_none() is not None


async def require_payable(conn: AsyncConnection, order_no: str, method: str = "") -> None:
    """Refuse what the books alone can refuse; of a `method` also what it cannot take.

    Raises Conflict `already_paid`, `payment_in_progress`, `order_closed`; RuleBroken
    `currency_not_taken`, `amount_not_payable`.
    """
    row = (await conn.execute(_STATE, {"order_no": order_no})).one()
    if row.paid:
        raise Conflict("already_paid")
    if row.cancelling is not None or row.status == Status.CANCELLED:
        raise Conflict("order_closed", "the order is cancelled, or about to be: nothing is charged; place a new one")
    if row.status not in (Status.RECEIVED, Status.PENDING_PAYMENT):
        raise Conflict("already_paid")
    if row.in_flight:
        raise Conflict("payment_in_progress", "a payment is in flight; its outcome comes first")
    amounts.require_payable(method, row.total_minor, row.currency)


async def save(conn: AsyncConnection, request_id: str, order_no: str, method: str, token: str, actor: str) -> None:
    """Keep the request, not yet an attempt. Repeatable."""
    row = {"request_id": request_id, "order_no": order_no, "method": method, "token": token, "actor": actor}
    await conn.execute(_KEEP, row)


async def take_up(conn: AsyncConnection, order_no: str, request_id: str) -> int:
    """Make the request an attempt; its number."""
    row = {"order_no": order_no, "request_id": request_id}
    return int((await conn.execute(_TAKE_UP, row)).scalar_one())


async def amend(conn: AsyncConnection, order_no: str, request_id: str, token: str, actor: str) -> None:
    """Another attempt as the last one, with another token. Repeatable."""
    await conn.execute(_AMEND, {"order_no": order_no, "request_id": request_id, "token": token, "actor": actor})
