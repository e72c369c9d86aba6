"""Payments and disputes of an order that a provider's notification is about."""

from dataclasses import dataclass

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.payments.disputes import DisputeStatus
from domain.payments.payment_facts import PaymentFact
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus

# Found by its key, by the provider's reference, or as the capture or void that is being asked for at this moment: one
# object of the provider is one payment, whoever moved it.
_KNOWN = text(
    """
    SELECT p.payment_id, p.kind, p.status, p.purpose, p.refund_id, p.amount_minor, p.currency, p.parent_id,
           CASE WHEN p.attempt > 0 THEN p.attempt END AS attempt, p.change_payment_no, p.renews, p.fulfilment_no,
           p.kind = 'refund' AND is_reversed(p.payment_id, p.order_no) AS reversed
      FROM payments p
     WHERE p.order_no = :order_no AND (p.idempotency_key = :key
        OR (p.provider = :provider AND p.provider_ref = :ref AND p.kind = :kind)
        OR (p.provider = :provider AND p.kind = :kind AND p.kind IN ('capture', 'void') AND p.amount_minor = :amount
            AND p.status IN ('intent', 'pending') AND p.parent_id IN (
              SELECT a.payment_id FROM payments a WHERE a.order_no = :order_no AND a.kind = 'authorise'
                 AND a.provider = :provider AND (a.provider_ref = :parent_ref OR a.idempotency_key = :parent_key))))
     ORDER BY (p.provider = :provider AND p.provider_ref = :ref AND p.kind = :kind) IS TRUE DESC,
              (p.idempotency_key = :key) IS TRUE DESC LIMIT 1
    """
)
_PARENT = text(
    """
    SELECT p.payment_id, p.kind, p.status, p.purpose, p.refund_id, p.amount_minor, p.currency, p.parent_id,
           CASE WHEN p.attempt > 0 THEN p.attempt END AS attempt, p.change_payment_no, p.renews, p.fulfilment_no,
           EXISTS (SELECT FROM payments e WHERE e.order_no = p.order_no AND e.parent_id = p.payment_id
                      AND e.status = 'succeeded') AS followed
      FROM payments p
     WHERE p.order_no = :order_no AND p.provider = :provider AND p.kind = :kind
       AND (p.provider_ref = :ref OR p.idempotency_key = :key)
     ORDER BY p.provider_ref = :ref DESC NULLS LAST LIMIT 1
    """
)
_DISPUTE = text(
    """
    SELECT d.payment_id, d.status, p.parent_id, p.amount_minor, p.currency, p.purpose,
           CASE WHEN p.attempt > 0 THEN p.attempt END AS attempt
      FROM disputes d JOIN payments p USING (payment_id)
     WHERE d.order_no = :order_no AND p.provider = :provider AND p.provider_ref = :ref
    """
)


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """A payment that a notification is about, or follows.

    `reversed`: the provider has taken this refund back. `followed`: a capture, void or refund of it has succeeded.
    `fulfilment_no` of a capture: the fulfilment whose share it takes.
    """

    payment_id: int
    kind: PaymentKind
    status: PaymentStatus
    purpose: PaymentPurpose
    refund_id: str | None
    amount_minor: int
    currency: str
    parent_id: int | None
    attempt: int | None
    change_payment_no: int | None
    renews: int | None
    fulfilment_no: int | None
    reversed: bool = False
    followed: bool = False


@dataclass(frozen=True, slots=True)
class KnownDispute:
    """A dispute with its payment; `parent_id` is the capture whose money it took."""

    payment_id: int
    status: DisputeStatus
    parent_id: int
    amount_minor: int
    currency: str
    purpose: PaymentPurpose
    attempt: int | None


async def find(conn: AsyncConnection, order_no: str, provider: str, fact: PaymentFact) -> KnownPayment | None:
    """The payment that the fact is about, or None."""
    values = {
        "order_no": order_no,
        "provider": provider,
        "key": fact.idempotency_key,
        "ref": fact.provider_ref,
        "kind": fact.kind,
        "amount": fact.amount_minor,
        "parent_ref": fact.parent_ref,
        "parent_key": fact.parent_key,
    }
    return _payment((await conn.execute(_KNOWN, values)).mappings().one_or_none())


async def find_parent(
    conn: AsyncConnection, order_no: str, provider: str, kind: PaymentKind, fact: PaymentFact
) -> KnownPayment | None:
    """The authorisation or the capture that the fact follows, or None."""
    values = {"order_no": order_no, "provider": provider, "kind": kind, "ref": fact.parent_ref}
    return _payment((await conn.execute(_PARENT, {**values, "key": fact.parent_key})).mappings().one_or_none())


async def find_dispute(conn: AsyncConnection, order_no: str, provider: str, ref: str) -> KnownDispute | None:
    """The dispute that the provider knows as `ref`, or None."""
    values = {"order_no": order_no, "provider": provider, "ref": ref}
    row = (await conn.execute(_DISPUTE, values)).mappings().one_or_none()
    if row is None:
        return None
    typed = {"status": DisputeStatus(row["status"]), "purpose": PaymentPurpose(row["purpose"])}
    return KnownDispute(**{**row, **typed})


def _payment(row: RowMapping | None) -> KnownPayment | None:
    if row is None:
        return None
    typed = {
        "kind": PaymentKind(row["kind"]),
        "status": PaymentStatus(row["status"]),
        "purpose": PaymentPurpose(row["purpose"]),
    }
    return KnownPayment(**{**row, **typed})
