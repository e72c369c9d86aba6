"""Rows of what a provider did on its own: payments, refunds and disputes that were not asked for here."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.guarantees import CLAIMING, GuaranteeStatus
from domain.orders.status import Status
from domain.payments import late_outcomes
from domain.payments.disputes import DisputeStatus
from domain.payments.payment_facts import PaymentFact
from domain.payments.refunds import RefundStatus
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from infra.db.orders.state.state_facts import load_facts

# An authorisation is given up once: what else is under way to that end is over with it.
_OTHER_VOID = text(
    """
    UPDATE payments x SET status = 'failed', error_code = 'overtaken_at_provider', tries = x.tries + 1,
                          updated_at = now()
      FROM payments v
     WHERE v.payment_id = :payment_id AND x.parent_id = v.parent_id AND x.payment_id <> v.payment_id
       AND x.kind = 'void' AND x.status IN ('intent', 'pending')
    """
)
_VOIDED = text(
    """
    SELECT EXISTS (SELECT FROM payments v JOIN payments x USING (order_no, parent_id)
                    WHERE v.payment_id = :payment_id AND x.kind = 'void' AND x.status = 'succeeded')
    """
)
_INSERT = text(
    """
    INSERT INTO payments (order_no, kind, purpose, attempt, provider, amount_minor, currency, status, idempotency_key,
                          provider_ref, parent_id, refund_id, change_payment_no, expires_at)
    VALUES (:order_no, :kind, :purpose, :attempt, :provider, :amount, :currency, :status, :key, :ref, :parent_id,
            :refund_id, :change_payment_no, CAST(:expires_at AS timestamptz))
    RETURNING payment_id
    """
)
_SUCCEED = text("UPDATE payments SET status = 'succeeded', updated_at = now() WHERE payment_id = :payment_id")
_NEW_ATTEMPT = text(
    """
    INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor)
    SELECT :request_id, CAST(:order_no AS text), coalesce(max(r.attempt), 0) + 1, :provider, '-', 'system'
      FROM payment_requests r WHERE r.order_no = CAST(:order_no AS text)
    RETURNING attempt
    """
)
_MARK_UNAPPLIED = text("UPDATE payments SET purpose = 'stray', updated_at = now() WHERE payment_id = :payment_id")

_LEFT = text(
    "SELECT captured_minor - refunded_minor - promised_minor - disputed_minor - settled_minor FROM payment_totals"
    " WHERE payment_id = :capture"
)
# Refunds of the capture that are approved, or wait for approval, and of which nothing is paid: the newest first.
_UNPAID = text(
    """
    SELECT r.refund_id, r.refund_no, r.amount_minor, x.amount_minor AS part_minor, r.status
      FROM refunds r JOIN refund_allocations x USING (refund_id)
     WHERE r.order_no = :order_no AND x.payment_id = :capture AND r.status IN ('approved', 'awaiting_approval')
       AND NOT EXISTS (SELECT FROM payments p WHERE p.refund_id = r.refund_id AND p.status = 'succeeded')
     ORDER BY r.refund_no DESC
    """
)
# Their outcome is fenced off: should one have gone through all the same, its own notification says so.
_DROP_OPEN = text(
    """
    UPDATE payments SET status = 'failed', error_code = 'overtaken_at_provider', tries = tries + 1, updated_at = now()
     WHERE order_no = :order_no AND kind = 'refund' AND status IN ('intent', 'pending')
       AND (refund_id = :refund_id OR (CAST(:refund_id AS text) IS NULL AND refund_id IS NULL AND parent_id = :capture))
    """
)
_NAME_OVERTAKEN = text("INSERT INTO refunds_overtaken (dispute_id, refund_id) VALUES (:dispute_id, :refund_id)")
_OVERTAKEN_BY = text(
    """
    SELECT r.refund_id FROM refunds_overtaken x JOIN refunds r USING (refund_id) JOIN orders o USING (order_no)
     WHERE x.dispute_id = :dispute_id AND r.status = 'overtaken' AND o.cancelling IS NULL AND o.status <> 'cancelled'
     ORDER BY r.refund_no
    """
)
_REOPEN = text(
    """
    UPDATE refunds r SET updated_at = now(),
           status = CASE WHEN r.approval_id IS NULL OR EXISTS (SELECT FROM approvals a
                                WHERE a.approval_id = r.approval_id AND a.decision = 'approved')
                         THEN 'approved' ELSE 'awaiting_approval' END
     WHERE r.refund_id = :refund_id RETURNING r.refund_no, r.amount_minor, r.status
    """
)
# What was given up while its answer was awaited is asked for again under its own key: it may have gone through.
_RESUME = text(
    """
    UPDATE payments SET status = 'intent', error_code = NULL, tries = tries + 1, updated_at = now()
     WHERE refund_id = :refund_id AND status = 'failed' AND error_code = 'overtaken_at_provider'
    """
)
_OVERTAKE = text("UPDATE refunds SET status = 'overtaken', updated_at = now() WHERE refund_id = :refund_id")

_OPEN_DISPUTE = text(
    "INSERT INTO disputes (payment_id, order_no, reason, due_at)"
    " VALUES (:payment_id, :order_no, left(:reason, 100), CAST(:due_at AS timestamptz))"
)
_MOVE_DEADLINE = text(
    """UPDATE disputes SET due_at = CAST(:due_at AS timestamptz)
        WHERE payment_id = :payment_id AND due_at IS DISTINCT FROM CAST(:due_at AS timestamptz)"""
)
_CLOSE_DISPUTE = text("UPDATE disputes SET status = :status, closed_at = now() WHERE payment_id = :payment_id")
# Of the second fact about one object of the provider.
_SECOND_FACTS = (PaymentKind.DISPUTE_WON, PaymentKind.REFUND_REVERSED)
_WHY = text("UPDATE payments SET error_code = :code, updated_at = now() WHERE payment_id = :payment_id")

_SETTLE = text(
    """UPDATE payments SET status = :status, provider_ref = coalesce(:ref, provider_ref), error_code = :error,
              purpose = :purpose, risk = coalesce(:risk, risk),
              expires_at = coalesce(expires_at, CAST(:expires_at AS timestamptz)), updated_at = now()
        WHERE payment_id = :payment_id"""
)
_ORDER = text(
    """SELECT o.status, o.cancelling, o.total_minor, o.currency,
              EXISTS (SELECT FROM payments p WHERE p.order_no = o.order_no AND p.kind = 'capture'
                       AND p.purpose = 'order' AND p.status <> 'failed') AS has_capture,
              is_awaiting_change_payment(o.order_no) AS awaits_change_payment
         FROM orders o WHERE o.order_no = :order_no"""
)
_REFUND_STATUS = text("SELECT status FROM refunds WHERE refund_id = :refund_id")
_GUARANTEE_STATUS = text("SELECT status FROM guarantees WHERE return_id = :return_id")


@dataclass(frozen=True, slots=True)
class UnpaidRefund:
    """A refund of which nothing is paid; `part_minor` is to go back to the capture in question."""

    refund_id: str
    refund_no: int
    amount_minor: int
    part_minor: int
    status: RefundStatus


@dataclass(frozen=True, slots=True)
class ReopenedRefund:
    """A refund that is to be paid after all, or waits for approval again."""

    refund_no: int
    amount_minor: int
    status: RefundStatus


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """What a notification must know of its order. `has_capture`: one pays it, or is under way."""

    status: Status
    cancelling: str | None
    total_minor: int
    currency: str
    has_capture: bool
    awaits_change_payment: bool


@dataclass(frozen=True, slots=True)
class ReportedPayment:
    """A row that a fact is written as, or its parent."""

    order_no: str
    provider: str
    kind: PaymentKind
    amount_minor: int
    currency: str
    ref: str
    purpose: PaymentPurpose
    attempt: int | None = None
    parent_id: int | None = None
    refund_id: str | None = None
    change_payment_no: int | None = None
    expires_at: str | None = None


async def record(conn: AsyncConnection, payment: ReportedPayment) -> int:
    """Write a success that we did not ask for; its id. What belongs to a change's difference goes the way of our own
    payments, from intent to success: that is when the change is applied."""
    values = {
        "order_no": payment.order_no, "kind": payment.kind, "purpose": payment.purpose, "attempt": payment.attempt,
        "provider": payment.provider, "amount": payment.amount_minor, "currency": payment.currency, "ref": payment.ref,
        "parent_id": payment.parent_id, "refund_id": payment.refund_id, "status": PaymentStatus.SUCCEEDED,
        "change_payment_no": payment.change_payment_no, "expires_at": payment.expires_at,
        "key": f"{payment.provider}:{payment.ref}" + (f":{payment.kind}" if payment.kind in _SECOND_FACTS else ""),
    }  # fmt: skip
    if payment.purpose is not PaymentPurpose.CHANGE_PAYMENT or payment.kind not in (
        PaymentKind.AUTHORISE,
        PaymentKind.CAPTURE,
    ):
        return int((await conn.execute(_INSERT, values)).scalar_one())
    payment_id = int((await conn.execute(_INSERT, {**values, "status": PaymentStatus.INTENT})).scalar_one())
    await conn.execute(_SUCCEED, {"payment_id": payment_id})
    return payment_id


async def new_attempt(conn: AsyncConnection, order_no: str, provider: str, ref: str) -> int:
    """A payment that the customer started directly at the provider is an attempt like any other; its number."""
    values = {"order_no": order_no, "provider": provider, "request_id": f"{provider}:{ref}"}
    return int((await conn.execute(_NEW_ATTEMPT, values)).scalar_one())


async def reverse_refund(conn: AsyncConnection, payment: ReportedPayment, code: str) -> None:
    """The provider has taken a refund back (`told.parent_id`): by trigger its room is free and it is open again."""
    await record(conn, payment)
    await conn.execute(_WHY, {"payment_id": payment.parent_id, "code": code})


async def mark_unapplied(conn: AsyncConnection, payment_id: int) -> None:
    """The money is not the order's any more: its workflow gives it back."""
    await conn.execute(_MARK_UNAPPLIED, {"payment_id": payment_id})


async def is_surplus(conn: AsyncConnection, order_no: str, payment_id: int) -> bool:
    """True for a capture that was given up, went through after all, and is not needed any more."""
    facts = await load_facts(conn, order_no)
    capture = facts.transaction(payment_id)
    status = (await conn.execute(_GUARANTEE_STATUS, {"return_id": capture.guarantee_return_id})).scalar_one_or_none()
    claimed = None if status is None else GuaranteeStatus(status) in CLAIMING
    if capture.purpose is PaymentPurpose.TERMS:
        # While it was under way nothing else could pay what is owed; one that was given up may be late.
        owed = facts.receivable.owed_minor if facts.receivable else 0
        return capture.status is PaymentStatus.FAILED and capture.amount_minor > owed
    return late_outcomes.is_surplus(capture, facts.transactions, guarantee_claimed=claimed)


async def is_voided(conn: AsyncConnection, void_id: int) -> bool:
    """True where another void has given the authorisation up already; of those under way this one is it."""
    await conn.execute(_OTHER_VOID, {"payment_id": void_id})
    return bool((await conn.execute(_VOIDED, {"payment_id": void_id})).scalar_one())


async def left_of(conn: AsyncConnection, capture_id: int) -> int:
    """What of a capture is neither given back, promised nor disputed."""
    return int((await conn.execute(_LEFT, {"capture": capture_id})).scalar_one())


async def free_amount(
    conn: AsyncConnection, order_no: str, capture_id: int, wanted_minor: int, *, same_pays: bool
) -> tuple[str | None, list[UnpaidRefund]]:
    """Let refunds of ours that are not paid yield to what the provider has done with their money.

    Answers with the refund that the same amount pays (where `same_pays`), if there is one, and with those that were
    overtaken. Nothing yields while there is room for all.
    """
    at = {"order_no": order_no, "capture": capture_id}
    if await left_of(conn, capture_id) >= wanted_minor:
        return None, []
    await conn.execute(_DROP_OPEN, {**at, "refund_id": None})
    rows = (await conn.execute(_UNPAID, at)).mappings()
    unpaid = [UnpaidRefund(**{**row, "status": RefundStatus(row["status"])}) for row in rows]
    overtaken: list[UnpaidRefund] = []
    if await left_of(conn, capture_id) < wanted_minor:
        for one in unpaid:
            await conn.execute(_DROP_OPEN, {**at, "refund_id": one.refund_id})
        due = [one for one in unpaid if one.status == RefundStatus.APPROVED and one.part_minor == one.amount_minor]
        if same_pays and (same := [one.refund_id for one in due if one.amount_minor == wanted_minor]):
            return same[-1], []
    for one in unpaid:
        if await left_of(conn, capture_id) >= wanted_minor:
            break
        await conn.execute(_OVERTAKE, {"refund_id": one.refund_id})
        overtaken.append(one)
    return None, overtaken


async def open_dispute(
    conn: AsyncConnection, payment: ReportedPayment, reason: str, due_at: str | None, overtaken: Sequence[str]
) -> None:
    """The provider has taken the money back, for now; refunds that gave way to it are named."""
    values = {
        "payment_id": await record(conn, payment),
        "order_no": payment.order_no,
        "reason": reason,
        "due_at": due_at,
    }
    await conn.execute(_OPEN_DISPUTE, values)
    for refund_id in overtaken:
        await conn.execute(_NAME_OVERTAKEN, {"dispute_id": values["payment_id"], "refund_id": refund_id})


async def reopen_refunds(conn: AsyncConnection, dispute_id: int) -> list[ReopenedRefund]:
    """Reopen the refunds that gave way to a dispute which is won, as far as there is room for them; returns those."""
    reopened: list[ReopenedRefund] = []
    for refund_id in (await conn.execute(_OVERTAKEN_BY, {"dispute_id": dispute_id})).scalars().all():
        try:
            async with conn.begin_nested():
                row = (await conn.execute(_REOPEN, {"refund_id": refund_id})).mappings().one()
                one = ReopenedRefund(**{**row, "status": RefundStatus(row["status"])})
        except IntegrityError:
            continue  # its money was given otherwise meanwhile
        if one.status == RefundStatus.APPROVED:
            await conn.execute(_RESUME, {"refund_id": refund_id})
        reopened.append(one)
    return reopened


async def move_deadline(conn: AsyncConnection, payment_id: int, due_at: str) -> None:
    """The provider tells until when an open dispute must be answered."""
    await conn.execute(_MOVE_DEADLINE, {"payment_id": payment_id, "due_at": due_at})


async def close_dispute(conn: AsyncConnection, payment_id: int, status: DisputeStatus) -> None:
    """It is won or lost."""
    await conn.execute(_CLOSE_DISPUTE, {"payment_id": payment_id, "status": status})


async def order_of(conn: AsyncConnection, order_no: str) -> OrderFacts:
    """The order that a notification is about."""
    row = (await conn.execute(_ORDER, {"order_no": order_no})).mappings().one()
    return OrderFacts(**{**row, "status": Status(row["status"])})


async def is_paid_twice(conn: AsyncConnection, order_no: str, payment_id: int) -> bool:
    """True for a refund that has no room left: another one paid it."""
    facts = await load_facts(conn, order_no)
    refund = facts.transaction(payment_id)
    status = (await conn.execute(_REFUND_STATUS, {"refund_id": refund.refund_id})).scalar_one_or_none()
    room_minor = await left_of(conn, refund.parent_id) if refund.parent_id is not None else 0
    return late_outcomes.is_paid_twice(
        refund, facts.transactions, room_minor=room_minor, refund_status=RefundStatus(status) if status else None
    )


async def settle(
    conn: AsyncConnection, payment_id: int, status: PaymentStatus, purpose: PaymentPurpose, fact: PaymentFact
) -> None:
    """Write the provider's decision on a payment of ours."""
    values = {
        "payment_id": payment_id,
        "status": status,
        "ref": fact.provider_ref,
        "error": fact.error_code,
        "purpose": purpose,
        "risk": fact.risk,
        "expires_at": fact.expires_at,
    }
    await conn.execute(_SETTLE, values)
