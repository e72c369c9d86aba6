"""Paying what was decided: the parts of a refund that are still due, and the end of it."""

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.orders.pending_operations import in_payout_order
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, undoing_key
from domain.support.refund_decisions import BOUNCED, ParkedFacts, RefundCall, has_bounced, refusal
from infra.db.orders.state import timeline
from infra.db.orders.state.state_facts import load_facts
from infra.db.payments.transactions import PaymentIntent

_UNPAID = """
    NOT EXISTS (SELECT FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
                   AND m.status = 'succeeded')
"""
_DUE_PARTS = text(
    f"""
    SELECT r.order_no, r.refund_no, c.payment_id, c.provider, c.provider_ref, c.purpose, c.currency, x.amount_minor,
           CASE WHEN c.attempt > 0 THEN c.attempt END AS attempt,
           (SELECT m.idempotency_key FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
               AND m.status IN ('intent', 'pending')) AS open_key,
           (SELECT count(*) FROM payments m WHERE m.refund_id = x.refund_id AND m.parent_id = x.payment_id
               AND m.status = 'failed') AS failed
      FROM refunds r JOIN refund_allocations x USING (refund_id) JOIN payments c ON c.payment_id = x.payment_id
     WHERE r.refund_id = :refund_id AND r.status = 'approved' AND {_UNPAID}
     ORDER BY c.payment_id DESC
    """  # noqa: S608
)
_SETTLE = text(
    f"""
    UPDATE refunds r SET status = 'succeeded', updated_at = now()
     WHERE r.refund_id = :refund_id AND r.status = 'approved'
       AND NOT EXISTS (SELECT FROM refund_allocations x WHERE x.refund_id = r.refund_id AND {_UNPAID})
    RETURNING r.order_no, r.refund_no, r.amount_minor,
              NOT EXISTS (SELECT FROM payments m WHERE m.order_no = r.order_no AND m.refund_id = r.refund_id
                             AND m.status = 'succeeded' AND m.provider <> 'terms') AS on_terms,
              (SELECT count(*) FROM payments m WHERE m.order_no = r.order_no AND m.refund_id = r.refund_id
                  AND is_reversed(m.payment_id, m.order_no)) AS bounced
    """  # noqa: S608
)
_DROP_INTENTS = text(
    """UPDATE payments SET status = 'failed', error_code = 'skipped', tries = tries + 1, updated_at = now()
        WHERE refund_id = :refund_id AND status IN ('intent', 'pending')"""
)
_MANUAL = text(
    f"""
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, idempotency_key,
                          provider_ref, parent_id, refund_id)
    SELECT r.order_no, 'refund', c.purpose, NULL, 'manual', x.amount_minor, c.currency, 'succeeded',
           r.order_no || '/refund/manual/' || :tag || '/' || x.refund_id || '/' || x.payment_id,
           :reference || '#' || x.payment_id, x.payment_id, x.refund_id
      FROM refunds r JOIN refund_allocations x USING (refund_id) JOIN payments c ON c.payment_id = x.payment_id
     WHERE r.refund_id = :refund_id AND r.status = 'approved' AND {_UNPAID}
    """  # noqa: S608
)
_CALLS = text(
    """
    SELECT p.payment_id, p.status, p.error_code, p.updated_at,
           (SELECT max(v.created_at) FROM payments v WHERE v.order_no = p.order_no AND v.parent_id = p.payment_id
               AND v.kind = 'refund_reversed') AS reversed_at
      FROM payments p
     WHERE p.order_no = :order_no AND p.parent_id = :capture AND p.kind = 'refund'
       AND p.refund_id IS NOT DISTINCT FROM CAST(:refund_id AS text)
    """
)
_PARKED = text(
    """SELECT step, error, since, subject, resolution_id IS NOT NULL AS resolved FROM parked_steps
        WHERE order_no = :order_no"""
)


async def due_parts(conn: AsyncConnection, refund_id: str) -> list[PaymentIntent]:
    """What of the refund is not paid: the intent of each part.

    The key of a part is new after a final refusal, and the same on every retry; what is under way keeps the key that it
    was begun with.
    """
    rows = await conn.execute(_DUE_PARTS, {"refund_id": refund_id})
    return [_intent(refund_id, row) for row in rows.mappings()]


def _intent(refund_id: str, row: RowMapping) -> PaymentIntent:
    return PaymentIntent(
        row["order_no"],
        row["amount_minor"],
        row["currency"],
        row["open_key"] or _key(row),
        kind=PaymentKind.REFUND,
        provider=row["provider"],
        purpose=PaymentPurpose(row["purpose"]),
        attempt=row["attempt"],
        parent_id=row["payment_id"],
        parent_ref=row["provider_ref"] or "",
        refund_id=refund_id,
    )


def _key(row: RowMapping) -> str:
    step = f"refund/{row['refund_no']}"
    return undoing_key(row["order_no"], step, row["provider"], row["provider_ref"] or "", row["failed"] + 1)


async def waits_for_person(
    conn: AsyncConnection, order_no: str, capture_id: int | None, refund_id: str | None
) -> str | None:
    """The code for which a person is to decide how the money goes back; None where the provider can be asked."""
    values = {"order_no": order_no, "capture": capture_id, "refund_id": refund_id}
    rows = (await conn.execute(_CALLS, values)).mappings().all()
    if not rows:
        return None
    calls = [RefundCall(**{**row, "status": PaymentStatus(row["status"])}) for row in rows]
    parked = [ParkedFacts(**row) for row in (await conn.execute(_PARKED, {"order_no": order_no})).mappings()]
    return BOUNCED if has_bounced(calls, parked) else refusal(refund_id, calls, parked)


async def approved(conn: AsyncConnection, order_no: str) -> list[str]:
    """Refunds of the order that are to be paid, oldest first; those that their provider is deciding on come last."""
    return in_payout_order((await load_facts(conn, order_no)).operations.refunds)


async def settle(conn: AsyncConnection, refund_id: str, *, manual: bool = False) -> None:
    """Close the refund once all of its parts are paid; reported once. The caller has locked the order."""
    done = (await conn.execute(_SETTLE, {"refund_id": refund_id})).one_or_none()
    if done is not None:
        data = {"amount_minor": done.amount_minor, "refund_no": done.refund_no}
        if manual:
            data["manual"] = True
        key = f"refund:{refund_id}" + (f":{done.bounced}" if done.bounced else "")
        name = "terms_reduced" if done.on_terms else "payment_refunded"
        await timeline.append(conn, done.order_no, name, key=key, data=data)


async def drop_intents(conn: AsyncConnection, refund_id: str) -> None:
    """What is under way at its provider is fenced off. The caller has locked the order."""
    await conn.execute(_DROP_INTENTS, {"refund_id": refund_id})


async def record_manually(conn: AsyncConnection, refund_id: str, tag: str, reference: str) -> None:
    """Support says that the money went back by another way. The caller has locked the order."""
    await drop_intents(conn, refund_id)
    await conn.execute(_MANUAL, {"refund_id": refund_id, "tag": tag, "reference": reference})
    await settle(conn, refund_id, manual=True)
