"""Deciding refunds in the database: what is left, what is requested, and what is reserved. The only way to make one.

The amount is reserved on the lines and on the captures when a refund is opened, also while it waits for approval, and
the database refuses what exceeds them. The order's workflow pays it (refund_payouts).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.approvals import RefundRequest
from domain.errors import Conflict, NotFound
from domain.payments.refunds import RefundStatus
from domain.pricing.allocation import Returned
from infra.db.approvals import approval_requests
from infra.db.customers.profiles import KeyRing, data_key_of
from infra.db.orders.state import timeline
from infra.db.payments.refund_plans import NewRefund, OnReturn, Plan, planned

_OPEN = text(
    """
    INSERT INTO refunds (refund_id, order_no, origin, return_id, amount_minor, goods_minor, shipping_minor, currency,
                         status, asked_by, reason_enc, approval_id)
    VALUES (:refund_id, :order_no, :origin, :return_id, :amount_minor, :goods_minor, :shipping_minor, :currency,
            :status, :asked_by, :reason_enc, :approval_id)
    RETURNING refund_no
    """
)
_NAME_LINES = text(
    """
    INSERT INTO refund_lines (refund_id, line_no, quantity, amount_minor, shipping_minor, goods_worth_minor,
                              shipping_worth_minor)
    VALUES (:refund_id, :line_no, :quantity, :amount_minor, :shipping_minor, :goods_worth_minor, :shipping_worth_minor)
    """
)
_NAME_PARTS = text(
    """INSERT INTO refund_allocations (refund_id, payment_id, amount_minor)
       VALUES (:refund_id, :payment_id, :amount_minor)"""
)
_MOVE = text(
    """
    UPDATE refunds SET status = :status, updated_at = now()
     WHERE refund_id = :refund_id AND status = 'awaiting_approval'
    RETURNING refund_no, amount_minor
    """
)
_LAPSED = text(
    """
    SELECT r.refund_id FROM refunds r JOIN approvals a USING (approval_id)
     WHERE r.order_no = :order_no AND r.status = 'awaiting_approval' AND a.decision IS NULL AND a.expires_at <= now()
    """
)
_ORDERS_WITH_LAPSED = text(
    """
    SELECT DISTINCT r.order_no FROM refunds r JOIN approvals a USING (approval_id)
     WHERE r.status = 'awaiting_approval' AND a.decision IS NULL AND a.expires_at <= now() LIMIT :limit
    """
)
_WAITING = text("SELECT refund_id FROM refunds WHERE order_no = :order_no AND status = 'awaiting_approval'")
_APPROVED_BY = text("SELECT refund_id, order_no FROM refunds WHERE approval_id = :approval_id")


@dataclass(frozen=True, slots=True)
class OpenedRefund:
    """A refund as it was opened."""

    refund_id: str
    refund_no: int
    status: RefundStatus
    approval_id: str | None
    plan: Plan


async def open_refund(conn: AsyncConnection, keys: KeyRing | None, new: NewRefund) -> OpenedRefund:
    """Open it in the caller's transaction, which holds the order's row from here on; its workflow is woken by trigger.

    `keys` None keeps no reason. Raises as `planned` does, and Conflict `pieces_on_return`.
    """
    await timeline.lock_order(conn, new.order_no)
    await lapse(conn, new.order_no)
    plan = await planned(conn, new)
    if new.spares_returns and plan.on_returns:
        raise _on_return(plan.on_returns)
    approval_id = await _open_approval(conn, keys, new, plan) if plan.needs_approval else None
    status = RefundStatus.AWAITING_APPROVAL if approval_id else RefundStatus.APPROVED
    refund_no = await _insert(conn, new, plan, status, approval_id, await _sealed(conn, keys, new))
    data = {"refund_no": refund_no, "amount_minor": plan.amount_minor, "origin": new.origin, "status": status}
    await timeline.append(conn, new.order_no, "refund_opened", new.asked_by, data=data)
    return OpenedRefund(new.refund_id, refund_no, status, approval_id, plan)


async def find_by_approval(conn: AsyncConnection, approval_id: str) -> tuple[str, str]:
    """(refund id, order number) of the refund that the request is for. Raises NotFound `refund_not_found`."""
    row = (await conn.execute(_APPROVED_BY, {"approval_id": approval_id})).one_or_none()
    if row is None:
        raise NotFound("refund_not_found")
    return row.refund_id, row.order_no


async def decided(conn: AsyncConnection, order_no: str, refund_id: str, status: RefundStatus, actor: str) -> None:
    """The decision of the approver, which is already in `approvals`. The caller has locked the order.

    Raises Conflict `refund_closed` when it no longer waits.
    """
    if status is RefundStatus.APPROVED:
        await _move(conn, order_no, refund_id, status, "refund_approved", actor, {})
    else:
        await _move(conn, order_no, refund_id, status, "refund_rejected", actor, {"code": "refused"})


async def lapse(conn: AsyncConnection, order_no: str) -> None:
    """Release the amounts of refunds that nobody approved in time. The caller has locked the order."""
    for row in (await conn.execute(_LAPSED, {"order_no": order_no})).all():
        refused, data = RefundStatus.REFUSED, {"code": "lapsed"}
        await _move(conn, order_no, row.refund_id, refused, "refund_rejected", "system", data)


async def orders_with_lapsed(conn: AsyncConnection, limit: int) -> list[str]:
    """Orders with refunds that nobody decided in time."""
    return list((await conn.execute(_ORDERS_WITH_LAPSED, {"limit": limit})).scalars())


async def overtake(conn: AsyncConnection, order_no: str) -> None:
    """The order is being cancelled: what still waits for approval is returned with the rest."""
    for row in (await conn.execute(_WAITING, {"order_no": order_no})).all():
        await _move(conn, order_no, row.refund_id, RefundStatus.OVERTAKEN, "refund_overtaken", "system", {})


def _on_return(held: tuple[OnReturn, ...]) -> Conflict:
    pieces = ", ".join(f"{one.quantity} of line {one.line_no} ({one.sku}) on return {one.return_no}" for one in held)
    return Conflict(
        "pieces_on_return",
        f"an open return holds these pieces and will bring their money: {pieces}; refund fewer, cancel the return, or "
        "say despite_returns: true, then the return brings that much less",
    )


async def _open_approval(conn: AsyncConnection, keys: KeyRing | None, new: NewRefund, plan: Plan) -> str:
    assert keys is not None, "an approval request is encrypted"
    approval_id = f"apr_{hashlib.sha256(new.refund_id.encode()).hexdigest()[:32]}"
    action = approval_requests.AS_CREDIT if new.as_credit else "refund"
    await approval_requests.open_request(
        conn,
        keys,
        approval_requests.NewApproval(
            approval_id,
            new.order_no,
            action,
            1,
            plan.amount_minor,
            plan.currency,
            RefundRequest(new.refund_id, new.reason),
            new.asked_by,
            new.approval_lifetime_s,
        ),
    )
    return approval_id


async def _insert(
    conn: AsyncConnection,
    new: NewRefund,
    plan: Plan,
    status: RefundStatus,
    approval_id: str | None,
    sealed: bytes,
) -> int:
    row = {
        "refund_id": new.refund_id,
        "order_no": new.order_no,
        "origin": new.origin,
        "return_id": new.return_id,
    }
    sums = {name: getattr(plan, name) for name in ("amount_minor", "goods_minor", "shipping_minor", "currency")}
    rest = {"status": status, "asked_by": new.asked_by, "reason_enc": sealed, "approval_id": approval_id}
    refund_no: int = (await conn.execute(_OPEN, {**row, **sums, **rest})).scalar_one()
    await conn.execute(_NAME_LINES, [_line_row(new.refund_id, line) for line in plan.lines])
    parts = [{"refund_id": new.refund_id, "payment_id": paid, "amount_minor": part} for paid, part in plan.parts]
    await conn.execute(_NAME_PARTS, parts)
    return refund_no


def _line_row(refund_id: str, line: Returned) -> dict[str, str | int]:
    names = ("line_no", "quantity", "amount_minor", "shipping_minor", "goods_worth_minor", "shipping_worth_minor")
    return {"refund_id": refund_id, **{name: getattr(line, name) for name in names}}


async def _sealed(conn: AsyncConnection, keys: KeyRing | None, new: NewRefund) -> bytes:
    """Of an erased customer's order no reason is kept: nothing could ever open it."""
    key = await data_key_of(conn, new.order_no) if keys is not None else None
    return keys.seal_json(key, new.reason, f"{new.refund_id}:reason") if keys is not None and key else b""


async def _move(
    conn: AsyncConnection,
    order_no: str,
    refund_id: str,
    to: RefundStatus,
    event_type: str,
    actor: str,
    data: Mapping[str, str],
) -> None:
    moved = (await conn.execute(_MOVE, {"refund_id": refund_id, "status": to})).one_or_none()
    if moved is None:
        raise Conflict("refund_closed", "this refund no longer waits for approval")
    facts = {"refund_no": moved.refund_no, "amount_minor": moved.amount_minor, **data}
    await timeline.append(conn, order_no, event_type, actor, data=facts)
