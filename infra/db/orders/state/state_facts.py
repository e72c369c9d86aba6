"""The facts that the rules about an order's payments and pending operations read, as columns of one statement.

`COLUMNS` are of the order that the statement calls `o`, joined with `NEWEST_ATTEMPT`. An order without any refund,
guarantee or change payment costs one look into an index for each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from domain.after_sales.guarantee_operations import operation_due
from domain.after_sales.guarantees import DUE, UNWANTED, GuaranteeStatus
from domain.after_sales.returns import ReturnStatus
from domain.orders.pending_operations import (
    ChangePaymentFacts,
    GuaranteeFacts,
    Operation,
    OperationFacts,
    RefundFacts,
    next_operation,
)
from domain.orders.status import Status
from domain.payments.attempts import AttemptState, authorisation_of, state_of
from domain.payments.change_payments import ChangePaymentStatus
from domain.payments.refund_progress import progress, unapplied_pending_since
from domain.payments.refunds import RefundStatus
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts
from domain.payments.unapplied import MoneyFacts, has_unapplied
from infra.db.literals import literals

_FACTS = frozenset(field.name for field in fields(TransactionFacts))
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
             WHERE u.order_no = o.order_no AND u.status <> '{ChangePaymentStatus.APPLIED}') AS change_payments"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class StateFacts:
    """The columns of one order, as the rules read them."""

    status: Status
    attempt: int | None
    transactions: tuple[TransactionFacts, ...]
    operations: OperationFacts
    awaits_change_payment: bool

    @property
    def attempt_state(self) -> AttemptState:
        """The state of the newest payment attempt."""
        return state_of(self.attempt, self.transactions)

    @property
    def risk(self) -> str | None:
        """The provider's doubt about the newest attempt's authorisation."""
        authorisation = authorisation_of(self.attempt, self.transactions)
        return authorisation.risk if authorisation else None

    @property
    def money(self) -> MoneyFacts:
        """What decides which authorisations are needed."""
        return MoneyFacts(self.status, self.attempt, self.awaits_change_payment)

    @property
    def unapplied(self) -> bool:
        """True while money is held that is not the order's and is to be given back."""
        return has_unapplied(self.money, self.transactions)

    def change_payment(self, number: str | None) -> ChangePaymentFacts | None:
        """The change payment of that number, while something is due on it."""
        return next((due for due in self.operations.change_payments if str(due.number) == number), None)

    @property
    def operation(self) -> Operation | None:
        """The next pending operation."""
        return next_operation(self.operations)


def facts_of(row: Any) -> StateFacts:
    """The facts in a row that has `COLUMNS` and the order's status."""
    transactions = tuple(transaction_of(found) for found in row.transactions or ())
    changes = row.change_payments or ()
    operations = OperationFacts(
        renewals=[t.payment_id for t in transactions if t.renewal_due],
        refunds=[_refund(found, transactions) for found in row.refunds or ()],
        guarantees=_guarantees(row, transactions),
        change_payments=[due for found in changes if (due := _change_payment(found, transactions)) is not None],
        unapplied_pending_since=unapplied_pending_since(transactions),
    )
    awaits = any(found["status"] == ChangePaymentStatus.AWAITING_PAYMENT for found in changes)
    return StateFacts(Status(row.status), row.attempt, transactions, operations, awaits)


def transaction_of(found: Mapping[str, Any]) -> TransactionFacts:
    """The facts in a JSON object that has at least their names."""
    known = {name: found[name] for name in _FACTS if name in found}
    typed = {
        "kind": PaymentKind(found["kind"]),
        "purpose": PaymentPurpose(found["purpose"]),
        "status": PaymentStatus(found["status"]),
        "created_at": _utc(found["created_at"]),
        "updated_at": _utc(found["updated_at"]),
    }
    return TransactionFacts(**{**known, **typed})


def _refund(found: dict[str, Any], transactions: Sequence[TransactionFacts]) -> RefundFacts:
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


def _guarantees(row: Any, transactions: Sequence[TransactionFacts]) -> list[GuaranteeFacts]:
    authorised = {
        t.guarantee_return_id
        for t in transactions
        if t.purpose is PaymentPurpose.GUARANTEE
        and t.kind is PaymentKind.AUTHORISE
        and t.status is not PaymentStatus.FAILED
    }
    due = [
        operation_due(
            found["return_id"], GuaranteeStatus(found["status"]), ReturnStatus(found["return_status"]),
            authorisation_requested=found["return_id"] in authorised,
        )
        for found in (*(row.guarantees or ()), *(row.unwanted_guarantees or ()))
    ]  # fmt: skip
    return [facts for facts in due if facts is not None]


def _change_payment(found: dict[str, Any], transactions: Sequence[TransactionFacts]) -> ChangePaymentFacts | None:
    number, own = found["number"], [t for t in transactions if t.change_payment_no == found["number"]]
    if found["status"] == ChangePaymentStatus.AWAITING_PAYMENT:
        pending = any(t.status is PaymentStatus.PENDING for t in own)
        return None if found["held"] else ChangePaymentFacts(number, pending, _utc(found["until"]))
    undecided = any(t.status in _UNDECIDED and t.kind in _TAKING for t in own)
    return ChangePaymentFacts(number) if undecided else None


def _utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
