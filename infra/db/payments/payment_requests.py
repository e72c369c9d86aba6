"""A customer's request to pay, saved before the order's workflow takes it up."""

from dataclasses import replace

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments import payability
from infra.db.orders.state.order_state import load_state
from infra.provider_rules import amounts

_SAVE = text(
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
    """Refuse what the state of the order forbids; of a `method` also what it cannot take.

    Raises Conflict `already_paid`, `payment_in_progress`, `order_closed`; RuleBroken
    `currency_not_taken`, `amount_not_payable`.
    """
    state = await load_state(conn, order_no)
    facts = replace(state.payability, in_flight=state.awaits_provider)
    if (why := payability.refusal(facts)) is not None:
        raise why
    amounts.require_payable(method, state.to_pay_minor, state.currency)


async def save(conn: AsyncConnection, request_id: str, order_no: str, method: str, token: str, actor: str) -> None:
    """Save the request, not yet an attempt. Repeatable."""
    row = {"request_id": request_id, "order_no": order_no, "method": method, "token": token, "actor": actor}
    await conn.execute(_SAVE, row)


async def take_up(conn: AsyncConnection, order_no: str, request_id: str) -> int:
    """Make the request an attempt; its number."""
    row = {"order_no": order_no, "request_id": request_id}
    return int((await conn.execute(_TAKE_UP, row)).scalar_one())


async def amend(conn: AsyncConnection, order_no: str, request_id: str, token: str, actor: str) -> None:
    """Another attempt as the last one, with another token. Repeatable."""
    await conn.execute(_AMEND, {"order_no": order_no, "request_id": request_id, "token": token, "actor": actor})
