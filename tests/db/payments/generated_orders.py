"""Generated orders with payments, refunds, guarantees and change payments, also such as no process would write."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.guarantees import UNWANTED, GuaranteeStatus
from domain.after_sales.returns import ReturnStatus
from domain.orders.status import Status
from domain.payments.change_payments import ChangePaymentStatus
from domain.payments.refunds import RefundStatus
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus

ORDER = "RULES-1"
REFUNDS, RETURNS, CHANGES = ("rf_1", "rf_2"), ("rt_0001", "rt_0002"), (1, 2)
DROPPED_INDEXES = (
    "payments_one_capture_of_order",
    "payments_one_change_payment",
    "payments_one_guarantee_authorisation",
    "payments_one_refund_allocation",
    "payments_one_renewal",
    "payments_one_void",
    "payments_guarantee_ends_once",
)
_TAKING = (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
_REPORTED = (PaymentKind.DISPUTE, PaymentKind.DISPUTE_WON, PaymentKind.REFUND_REVERSED)
_PARENT = {PaymentKind.CAPTURE: PaymentKind.AUTHORISE, PaymentKind.VOID: PaymentKind.AUTHORISE}


@dataclass(frozen=True)
class Payment:
    payment_id: int
    kind: PaymentKind
    purpose: PaymentPurpose
    status: PaymentStatus
    amount: int
    attempt: int
    parent_id: int | None
    refund_id: str | None
    return_id: str | None
    change: int | None
    renews: int | None
    expires_in_s: int | None


@dataclass(frozen=True)
class Rows:
    status: Status
    cancelling: str | None
    attempts: int
    held: bool
    payments: list[Payment]
    refunds: list[RefundStatus]
    guarantees: list[tuple[GuaranteeStatus, ReturnStatus]]
    changes: list[ChangePaymentStatus]


@st.composite
def payments(draw: st.DrawFn, before: Sequence[Payment], attempts: int) -> Payment:
    """The next payment; what follows another follows one that it can follow."""
    kind = draw(st.sampled_from([*PaymentKind, *_TAKING, PaymentKind.REFUND]))
    taking, reported = kind in _TAKING, kind in _REPORTED
    purpose = draw(st.sampled_from([*PaymentPurpose, PaymentPurpose.ORDER, PaymentPurpose.UNAPPLIED]))
    of_guarantee = purpose is PaymentPurpose.GUARANTEE and (taking or kind is PaymentKind.VOID)
    authorised = [one.payment_id for one in before if one.kind is PaymentKind.AUTHORISE]
    parents = [one.payment_id for one in before if one.kind is _PARENT.get(kind, PaymentKind.CAPTURE)]
    return Payment(
        len(before) + 1,
        kind,
        purpose,
        PaymentStatus.SUCCEEDED if reported else draw(st.sampled_from([*PaymentStatus, PaymentStatus.SUCCEEDED])),
        draw(st.sampled_from([100, 400, 1000])),
        draw(st.integers(1, attempts)) if attempts and draw(st.booleans()) else -1,
        draw(st.sampled_from(parents)) if parents and kind is not PaymentKind.AUTHORISE else 0 if reported else None,
        draw(st.sampled_from([None, *REFUNDS])) if kind is PaymentKind.REFUND else None,
        draw(st.sampled_from(RETURNS)) if of_guarantee else None,
        draw(st.sampled_from(CHANGES)) if purpose is PaymentPurpose.CHANGE_PAYMENT and taking else None,
        draw(st.sampled_from([None, *authorised])) if kind is PaymentKind.AUTHORISE else None,
        draw(st.sampled_from([None, -60, 0, 3, 60, 86_400])) if kind is PaymentKind.AUTHORISE else None,
    )


NEEDED = [status for status in GuaranteeStatus if status not in UNWANTED]
ENDED = [ChangePaymentStatus.APPLIED, ChangePaymentStatus.UNDONE]


@st.composite
def orders(draw: st.DrawFn) -> Rows:
    attempts, made = draw(st.integers(0, 2)), list[Payment]()
    for _ in range(draw(st.integers(0, 8))):
        made.append(draw(payments(made, attempts)))
    returned = st.sampled_from(ReturnStatus)
    return Rows(
        draw(st.sampled_from(Status)),
        draw(st.sampled_from([None, "customer"])),
        attempts,
        draw(st.booleans()),
        made,
        [draw(st.sampled_from(RefundStatus)) for _ in REFUNDS],
        [(draw(st.sampled_from(GuaranteeStatus)), draw(returned)), (draw(st.sampled_from(NEEDED)), draw(returned))],
        [draw(st.sampled_from(ChangePaymentStatus)), draw(st.sampled_from(ENDED))],
    )


async def write(conn: AsyncConnection, rows: Rows) -> None:
    """Write them. The triggers are off, and the indexes `DROPPED_INDEXES` are gone."""

    async def insert(statement: str, *values: dict[str, Any]) -> None:
        if values:
            await conn.execute(text(statement), [{"o": ORDER, **value} for value in values])

    await insert(
        "INSERT INTO orders (order_no, channel, type, customer_id, currency, items_minor, total_minor, country, "
        "province, city, ship_to_enc, placed_by, status, cancelling) "
        "VALUES (:o, 'web', 'standard', :o, 'CNY', 1000, 1000, 'CN', 'p', 'c', '', 'test', :status, :cancelling)",
        {"status": rows.status, "cancelling": rows.cancelling},
    )
    await insert(
        "INSERT INTO payment_requests (request_id, order_no, attempt, method, token, actor) "
        "VALUES (:o || :n, :o, :n, 'sandbox', 't', 'test')",
        *({"n": number} for number in range(1, rows.attempts + 1)),
    )
    await insert(
        "INSERT INTO payments (payment_id, order_no, kind, purpose, attempt, provider, amount_minor, currency, status, "
        "idempotency_key, provider_ref, parent_id, refund_id, guarantee_return_id, change_payment_no, renews, "
        "expires_at) "
        "OVERRIDING SYSTEM VALUE VALUES (:payment_id, :o, :kind, :purpose, :attempt, 'sandbox', :amount, 'CNY', "
        ":status, CAST(:payment_id AS text), CAST(:payment_id AS text), :parent_id, :refund_id, :return_id, :change, "
        ":renews, now() + make_interval(secs => :expires_in_s))",
        *(asdict(payment) for payment in rows.payments),
    )
    captured = [p for p in rows.payments if (p.kind, p.status) == (PaymentKind.CAPTURE, PaymentStatus.SUCCEEDED)]
    await insert(
        "INSERT INTO payment_totals (payment_id, captured_minor) VALUES (:p, :a)",
        *({"p": payment.payment_id, "a": payment.amount} for payment in captured),
    )
    await insert(
        "INSERT INTO refunds (refund_id, order_no, refund_no, origin, amount_minor, goods_minor, shipping_minor, "
        "currency, status, asked_by, reason_enc) VALUES (:r, :o, :n, 'support', 1, 1, 0, 'CNY', :s, 'test', '')",
        *({"r": REFUNDS[n], "n": n + 1, "s": status} for n, status in enumerate(rows.refunds)),
    )
    await insert(
        "INSERT INTO returns (return_id, order_no, return_no, resolution, status, reason_code, reason_enc, "
        "requested_by, warehouse) VALUES (:r, :o, :n, 'exchange', :s, 'other', '', 'test', 'WH-EAST')",
        *({"r": RETURNS[n], "n": n + 1, "s": status} for n, (_, status) in enumerate(rows.guarantees)),
    )
    await insert(
        "INSERT INTO guarantees (return_id, order_no, amount_minor, currency, method, token, status, claim_minor, "
        "created_at) VALUES (:r, :o, 9, 'CNY', 'sandbox', 't', :s, 9, now() + make_interval(mins => :n))",
        *({"r": RETURNS[n], "n": n, "s": status} for n, (status, _) in enumerate(rows.guarantees)),
    )
    await insert(
        "INSERT INTO change_payments (order_no, payment_no, change_no, actor, what, lines, held, warehouse, "
        "total_before_minor, total_after_minor, amount_minor, currency, method, token, status, code, until) "
        "VALUES (:o, :n, :n, 'test', '{lines}', '[]', '[]', 'WH-EAST', 0, 9, 9, 'CNY', 'sandbox', 't', :s, :code, "
        "now())",
        *(
            {"n": n, "s": status, "code": "declined" if status is ChangePaymentStatus.UNDONE else None}
            for n, status in zip(CHANGES, rows.changes, strict=True)
        ),
    )
    await insert(
        "INSERT INTO holds (order_no, hold_no, kind, stops, owner, default_outcome, put_on_by, reason_enc, "
        "escalate_at, until) VALUES (:o, 1, 'manual', '{pending_payment}', 'support', 'release', 'test', '', "
        "now() + interval '1 hour', now() + interval '1 hour')",
        *([{}] if rows.held else []),
    )
