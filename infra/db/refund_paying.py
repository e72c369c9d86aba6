"""Paying what was decided: the parts of a refund that are still due, and the end of it."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments import PaymentKind, idempotency_key
from infra.db import events
from infra.db.payments import NewIntent

# A refund of which nothing is left to do but to wait for its provider's decision.
PENDING = """
    (EXISTS (SELECT FROM payments p WHERE p.order_no = f.order_no AND p.refund_id = f.refund_id
                AND p.status = 'pending')
     AND NOT EXISTS (SELECT FROM refund_parts x WHERE x.refund_id = f.refund_id AND NOT EXISTS (
              SELECT FROM payments p WHERE p.order_no = f.order_no AND p.refund_id = x.refund_id
                 AND p.parent_id = x.payment_id AND p.status IN ('pending', 'succeeded'))))
"""
_UNPAID = """
    NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
                   AND m.status = 'succeeded')
"""
_DUE_PARTS = text(
    f"""
    SELECT r.order_no, c.payment_id, c.attempt, c.provider, c.provider_ref, c.purpose, c.currency, x.amount_minor,
           (SELECT count(*) FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
               AND m.status = 'failed') AS failed
      FROM refunds r JOIN refund_parts x USING (refund_id) JOIN payments c ON c.payment_id = x.payment_id
     WHERE r.refund_id = :refund_id AND r.status = 'approved' AND {_UNPAID}
     ORDER BY c.payment_id DESC
    """  # noqa: S608
)
_SETTLE = text(
    f"""
    UPDATE refunds r SET status = 'succeeded', updated_at = now()
     WHERE r.refund_id = :refund_id AND r.status = 'approved'
       AND NOT EXISTS (SELECT FROM refund_parts x WHERE x.refund_id = r.refund_id AND {_UNPAID})
    RETURNING r.order_no, r.refund_no, r.amount_minor
    """  # noqa: S608
)
_APPROVED = text(
    f"""SELECT f.refund_id FROM refunds f WHERE f.order_no = :order_no AND f.status = 'approved'
         ORDER BY {PENDING}, f.refund_no"""  # noqa: S608
)
_DROP_INTENTS = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE refund_id = :refund_id AND status IN ('intent', 'pending')"""
)
_BY_HAND = text(
    f"""
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, idempotency_key,
                          provider_ref, parent_id, refund_id)
    SELECT r.order_no, 'refund', c.purpose, 0, 'manual', x.amount_minor, c.currency, 'succeeded',
           r.order_no || '/refund/manual/' || :tag || '/' || x.refund_id || '/' || x.payment_id,
           :reference || '#' || x.payment_id, x.payment_id, x.refund_id
      FROM refunds r JOIN refund_parts x USING (refund_id) JOIN payments c ON c.payment_id = x.payment_id
     WHERE r.refund_id = :refund_id AND r.status = 'approved' AND {_UNPAID}
    """  # noqa: S608
)


@dataclass(frozen=True, slots=True)
class DuePart:
    """A part to pay: the intent for it, and the provider's reference of the capture that it goes back to."""

    intent: NewIntent
    reference: str


async def due_parts(conn: AsyncConnection, refund_id: str) -> list[DuePart]:
    """What of the refund is not paid. The key of a part is new after a final refusal, and the same on every retry."""
    rows = (await conn.execute(_DUE_PARTS, {"refund_id": refund_id})).all()
    return [
        DuePart(
            NewIntent(
                row.order_no, PaymentKind.REFUND, row.attempt, row.provider, row.amount_minor, row.currency,
                idempotency_key(row.order_no, f"refund/{refund_id}/{row.payment_id}", row.failed + 1),
                row.payment_id, row.purpose, refund_id,
            ),
            row.provider_ref or "",
        )
        for row in rows
    ]  # fmt: skip


async def approved(conn: AsyncConnection, order_no: str) -> list[str]:
    """Refunds of the order that are to be paid, oldest first; those that their provider is deciding on come last."""
    return list((await conn.execute(_APPROVED, {"order_no": order_no})).scalars())


async def settle(conn: AsyncConnection, refund_id: str, *, by_hand: bool = False) -> None:
    """Close the refund once all of its parts are paid; told once. The caller has locked the order."""
    done = (await conn.execute(_SETTLE, {"refund_id": refund_id})).one_or_none()
    if done is not None:
        data = {"amount_minor": done.amount_minor, "refund_no": done.refund_no}
        if by_hand:
            data["manual"] = True
        await events.note(conn, done.order_no, "payment_refunded", key=f"refund:{refund_id}", data=data)


async def record_by_hand(conn: AsyncConnection, refund_id: str, tag: str, reference: str) -> None:
    """Support says that the money went back by another way. The caller has locked the order."""
    await conn.execute(_DROP_INTENTS, {"refund_id": refund_id})
    await conn.execute(_BY_HAND, {"refund_id": refund_id, "tag": tag, "reference": reference})
    await settle(conn, refund_id, by_hand=True)
