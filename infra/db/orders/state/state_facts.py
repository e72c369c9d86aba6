"""The facts that the rules about an order's payments and pending operations read, as columns of one statement.

`COLUMNS` are of the order that the statement calls `o`, joined with `NEWEST_ATTEMPT`. An order without any refund,
guarantee or change payment costs one look into an index for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.after_sales.guarantee_operations import is_due, operation_due
from domain.after_sales.guarantees import DUE, UNWANTED, GuaranteeStatus
from domain.after_sales.returns import ReturnStatus
from domain.errors import NotFound
from domain.orders.pending_operations import (
    ChangePaymentFacts,
    GuaranteeFacts,
    Operation,
    OperationFacts,
    RefundFacts,
    SettlementFacts,
    next_operation,
)
from domain.orders.status import Status
from domain.payments import shipment_captures
from domain.payments.attempts import AttemptState, authorisation_of, state_of
from domain.payments.change_payments import ChangePaymentStatus
from domain.payments.receivables import Receivable, Terms, state_on_terms
from domain.payments.refund_progress import progress, unapplied_pending_since
from domain.payments.refunds import RefundStatus
from domain.payments.shipment_captures import CaptureMode, FulfilmentCapture
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts
from domain.payments.unapplied import MoneyFacts, has_unapplied
from domain.shipping.fulfilments import FulfilmentStatus
from domain.support.parked_steps import SubjectFacts
from infra.db.literals import literals

_UNDECIDED = (PaymentStatus.INTENT, PaymentStatus.PENDING)
_TAKING = (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)

NEWEST_ATTEMPT = """LEFT JOIN LATERAL (SELECT r.attempt FROM payment_requests r
                          WHERE r.order_no = o.order_no AND r.attempt IS NOT NULL
                          ORDER BY r.attempt DESC LIMIT 1) q ON true"""
# Times inside JSON are in UTC, without an offset. A guarantee that is due is in its index; one that came to nothing is
# found by its payment.
COLUMNS = f"""q.attempt,
           (SELECT json_agg(json_build_object('payment_id', p.payment_id, 'kind', p.kind, 'purpose', p.purpose,
                     'status', p.status, 'amount_minor', p.amount_minor, 'risk', p.risk,
                     'attempt', CASE WHEN p.attempt > 0 THEN p.attempt END,
                     'parent_id', p.parent_id, 'refund_id', p.refund_id, 'renewal_due', p.renewal_due,
                     'guarantee_return_id', p.guarantee_return_id, 'change_payment_no', p.change_payment_no,
                     'fulfilment_no', p.fulfilment_no,
                     'created_at', p.created_at AT TIME ZONE 'UTC', 'updated_at', p.updated_at AT TIME ZONE 'UTC')
                     ORDER BY p.payment_id)
              FROM payments p WHERE p.order_no = o.order_no) AS transactions,
           (SELECT json_agg(json_build_object('refund_id', f.refund_id, 'refund_no', f.refund_no,
                     'captures', (SELECT json_agg(x.payment_id) FROM refund_allocations x
                                   WHERE x.refund_id = f.refund_id),
                     'was_parked', EXISTS (SELECT FROM parked_steps k WHERE k.order_no = f.order_no
                                              AND k.step = 'refund' AND k.subject = f.refund_id)))
              FROM refunds f WHERE f.order_no = o.order_no AND f.status = '{RefundStatus.APPROVED}') AS refunds,
           (SELECT json_agg(json_build_object('return_id', g.return_id, 'status', g.status, 'return_status', n.status)
                     ORDER BY g.created_at)
              FROM guarantees g JOIN returns n USING (return_id)
             WHERE g.order_no = o.order_no AND g.status IN ({literals(DUE)})) AS guarantees,
           (SELECT json_agg(json_build_object('return_id', g.return_id, 'status', g.status, 'return_status', n.status)
                     ORDER BY p.payment_id)
              FROM payments p JOIN guarantees g ON g.return_id = p.guarantee_return_id
              JOIN returns n USING (return_id)
             WHERE p.order_no = o.order_no AND p.purpose = 'guarantee' AND p.kind = 'authorise'
               AND g.status IN ({literals(UNWANTED)})) AS unwanted_guarantees,
           (SELECT json_agg(json_build_object('number', u.payment_no, 'status', u.status,
                     'held', takes_no_money(u.order_no),
                     'until', difference_until(u.order_no, u.payment_no) AT TIME ZONE 'UTC'))
              FROM change_payments u
             WHERE u.order_no = o.order_no AND u.status <> '{ChangePaymentStatus.APPLIED}') AS change_payments,
           CASE WHEN o.capture = '{CaptureMode.SHIPMENT}' AND o.status <> 'cancelled' THEN (
             SELECT json_agg(json_build_object('fulfilment_id', f.fulfilment_id, 'number', f.number, 'status', f.status,
                      'share_minor', (SELECT sum(l.goods_minor + l.shipping_minor) FROM capture_lines l
                                       WHERE l.order_no = f.order_no AND l.fulfilment_no = f.number)) ORDER BY f.number)
               FROM fulfilments f WHERE f.order_no = o.order_no) END AS shipment_captures,
           CASE WHEN o.type = 'b2b' THEN (
             SELECT json_build_object('owed_minor', r.owed_minor, 'due_at', r.due_at AT TIME ZONE 'UTC')
               FROM receivables r WHERE r.order_no = o.order_no) END AS receivable"""  # noqa: S608
_ALONE = text(
    f"SELECT o.status, o.cancelling, {COLUMNS} FROM orders o {NEWEST_ATTEMPT} WHERE o.order_no = :order_no"  # noqa: S608
)


class TransactionJson(TypedDict):
    """A payment in a column of JSON. What is not required is None or False where it is not there."""

    payment_id: int
    kind: str
    purpose: str
    status: str
    amount_minor: int
    created_at: str
    updated_at: str
    attempt: int | None
    parent_id: NotRequired[int | None]
    refund_id: NotRequired[str | None]
    guarantee_return_id: NotRequired[str | None]
    change_payment_no: NotRequired[int | None]
    risk: NotRequired[str | None]
    renewal_due: NotRequired[bool]
    fulfilment_no: NotRequired[int | None]


class _RefundJson(TypedDict):
    refund_id: str
    refund_no: int
    captures: list[int] | None
    was_parked: bool


class _CaptureJson(TypedDict):
    fulfilment_id: str
    number: int
    status: str
    share_minor: int | None


class _ReceivableJson(TypedDict):
    owed_minor: int
    due_at: str | None


class _GuaranteeJson(TypedDict):
    return_id: str
    status: str
    return_status: str


class _ChangePaymentJson(TypedDict):
    number: int
    status: str
    held: bool
    until: str


@dataclass(frozen=True, slots=True)
class StateFacts:
    """The columns of one order, as the rules read them. `subjects` is what a parked step can be about."""

    status: Status
    attempt: int | None
    transactions: tuple[TransactionFacts, ...]
    operations: OperationFacts
    awaits_change_payment: bool
    subjects: SubjectFacts
    due_captures: tuple[FulfilmentCapture, ...] = ()
    awaits_shipment: bool = False
    receivable: Receivable | None = None

    @property
    def terms(self) -> Terms:
        """How far an order on payment terms is paid."""
        return self.receivable.terms if self.receivable else Terms.NONE

    @property
    def attempt_state(self) -> AttemptState:
        """The state of the newest payment attempt. What is captured as it ships is authorised until all of it is. On
        payment terms it is an attempt to pay what is owed."""
        if self.terms:
            return state_on_terms(self.attempt, self.transactions)
        return AttemptState.AUTHORISED if self.awaits_shipment else state_of(self.attempt, self.transactions)

    @property
    def risk(self) -> str | None:
        """The provider's doubt about the newest attempt's authorisation."""
        authorisation = authorisation_of(self.attempt, self.transactions)
        return authorisation.risk if authorisation else None

    @property
    def money(self) -> MoneyFacts:
        """What decides which authorisations are needed."""
        owed = self.terms is Terms.OWED
        return MoneyFacts(self.status, self.attempt, self.awaits_change_payment, self.awaits_shipment, owed)

    @property
    def unapplied(self) -> bool:
        """True while money is held that is not the order's and is to be given back."""
        return has_unapplied(self.money, self.transactions)

    def transaction(self, payment_id: int) -> TransactionFacts:
        """A payment of the order."""
        return next(t for t in self.transactions if t.payment_id == payment_id)

    def change_payment(self, number: str | None) -> ChangePaymentFacts | None:
        """The change payment of that number, while something is due on it."""
        return next((due for due in self.operations.change_payments if str(due.number) == number), None)

    @property
    def operation(self) -> Operation | None:
        """The next pending operation."""
        return next_operation(self.operations)


async def load_facts(conn: AsyncConnection, order_no: str) -> StateFacts:
    """The facts alone, in one statement. Raises NotFound `order_not_found`."""
    row = (await conn.execute(_ALONE, {"order_no": order_no})).mappings().one_or_none()
    if row is None:
        raise NotFound("order_not_found")
    return facts_of(row)


def facts_of(row: RowMapping) -> StateFacts:
    """The facts in a row that has `COLUMNS` and the order's columns `status` and `cancelling`."""
    found: list[TransactionJson] = row["transactions"] or []
    transactions = tuple(transaction_of(one) for one in found)
    refunds: list[_RefundJson] = row["refunds"] or []
    changes: list[_ChangePaymentJson] = row["change_payments"] or []
    guarantees: list[_GuaranteeJson] = [*(row["guarantees"] or ()), *(row["unwanted_guarantees"] or ())]
    parts = [_shipment_capture(one) for one in row["shipment_captures"] or ()]
    # A cancellation may be refused: until it is through, the authorisation is kept, and nothing is captured.
    to_capture = tuple(shipment_captures.due(parts, transactions)) if row["cancelling"] is None else ()
    captures = tuple(part.fulfilment_id for part in to_capture)
    receivable = _receivable(row["receivable"])
    operations = OperationFacts(
        renewals=[t.payment_id for t in transactions if t.renewal_due],
        refunds=[_refund(one, transactions) for one in refunds],
        guarantees=_guarantees(guarantees, transactions),
        change_payments=[due for one in changes if (due := _change_payment(one, transactions)) is not None],
        unapplied_pending_since=unapplied_pending_since(transactions),
        captures=captures,
        settlement=_settlement(receivable, row["attempt"], transactions) if row["cancelling"] is None else None,
    )
    awaited = [one["number"] for one in changes if one["status"] == ChangePaymentStatus.AWAITING_PAYMENT]
    subjects = SubjectFacts(
        refunds=tuple(one["refund_id"] for one in sorted(refunds, key=lambda one: one["refund_no"])),
        guarantees=_due_guarantees(guarantees, transactions),
        change_payments=tuple(str(due.number) for due in operations.change_payments),
        awaited_change=str(awaited[0]) if awaited else None,
        cancelling=row["cancelling"] is not None,
        captures=captures,
    )
    status, attempt = Status(row["status"]), row["attempt"]
    awaits_shipment = shipment_captures.is_awaited(parts, transactions)
    return StateFacts(
        status, attempt, transactions, operations, bool(awaited), subjects, to_capture, awaits_shipment, receivable
    )


def transaction_of(found: TransactionJson) -> TransactionFacts:
    """The facts in a JSON object of a payment."""
    return TransactionFacts(
        payment_id=found["payment_id"],
        kind=PaymentKind(found["kind"]),
        purpose=PaymentPurpose(found["purpose"]),
        status=PaymentStatus(found["status"]),
        amount_minor=found["amount_minor"],
        created_at=_utc(found["created_at"]),
        updated_at=_utc(found["updated_at"]),
        attempt=found["attempt"],
        parent_id=found.get("parent_id"),
        refund_id=found.get("refund_id"),
        guarantee_return_id=found.get("guarantee_return_id"),
        change_payment_no=found.get("change_payment_no"),
        risk=found.get("risk"),
        renewal_due=found.get("renewal_due", False),
        fulfilment_no=found.get("fulfilment_no"),
    )


def _shipment_capture(found: _CaptureJson) -> FulfilmentCapture:
    status = FulfilmentStatus(found["status"])
    shipped = status in (FulfilmentStatus.SHIPPED, FulfilmentStatus.DELIVERED)
    cancelled = status is FulfilmentStatus.CANCELLED
    return FulfilmentCapture(found["fulfilment_id"], found["number"], shipped, cancelled, found["share_minor"])


def _receivable(found: _ReceivableJson | None) -> Receivable | None:
    if found is None:
        return None
    return Receivable(found["owed_minor"], _utc(found["due_at"]) if found["due_at"] else None)


def _settlement(
    receivable: Receivable | None, attempt: int | None, transactions: Sequence[TransactionFacts]
) -> SettlementFacts | None:
    """The attempt to pay what is owed, until its provider has decided on it."""
    if receivable is None or attempt is None or receivable.terms is Terms.NONE:
        return None
    state = state_on_terms(attempt, transactions)
    undecided = [t for t in transactions if t.attempt == attempt and t.status is PaymentStatus.PENDING]
    if state in (AttemptState.PENDING, AttemptState.CAPTURING):
        return SettlementFacts(attempt, min(t.created_at for t in undecided))
    owed = receivable.owed_minor > 0 and state in (AttemptState.OPEN, AttemptState.AUTHORISED)
    return SettlementFacts(attempt) if owed else None


def _refund(found: _RefundJson, transactions: Sequence[TransactionFacts]) -> RefundFacts:
    made = progress(found["refund_id"], found["captures"] or (), transactions)
    return RefundFacts(
        found["refund_id"],
        found["refund_no"],
        made.waits,
        found["was_parked"],
        made.failed,
        made.since,
        made.submitted_at,
    )


def _guarantees(found: Sequence[_GuaranteeJson], transactions: Sequence[TransactionFacts]) -> list[GuaranteeFacts]:
    asked = _asked_for(transactions) if found else frozenset()
    due = [
        operation_due(
            one["return_id"], GuaranteeStatus(one["status"]), ReturnStatus(one["return_status"]),
            authorisation_requested=one["return_id"] in asked,
        )
        for one in found
    ]  # fmt: skip
    return [facts for facts in due if facts is not None]


def _due_guarantees(found: Sequence[_GuaranteeJson], transactions: Sequence[TransactionFacts]) -> tuple[str, ...]:
    """Those that were wanted first. An authorisation may be due later, when its goods are on their way."""
    asked = _asked_for(transactions) if found else frozenset()
    return tuple(
        one["return_id"]
        for one in found
        if is_due(GuaranteeStatus(one["status"]), authorisation_requested=one["return_id"] in asked)
    )


def _asked_for(transactions: Sequence[TransactionFacts]) -> frozenset[str | None]:
    """Returns for whose guarantee an authorisation was asked for that has not failed."""
    return frozenset(
        t.guarantee_return_id
        for t in transactions
        if t.purpose is PaymentPurpose.GUARANTEE
        and t.kind is PaymentKind.AUTHORISE
        and t.status is not PaymentStatus.FAILED
    )


def _change_payment(found: _ChangePaymentJson, transactions: Sequence[TransactionFacts]) -> ChangePaymentFacts | None:
    number, own = found["number"], [t for t in transactions if t.change_payment_no == found["number"]]
    if found["status"] == ChangePaymentStatus.AWAITING_PAYMENT:
        pending = any(t.status is PaymentStatus.PENDING for t in own)
        return None if found["held"] else ChangePaymentFacts(number, pending, _utc(found["until"]))
    undecided = any(t.status in _UNDECIDED and t.kind in _TAKING for t in own)
    return ChangePaymentFacts(number) if undecided else None


def _utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
