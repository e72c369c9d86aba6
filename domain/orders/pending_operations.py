"""The next pending operation of an order: what was decided for it and is still to be carried out.

Facts say what is due; `next_operation` says in which order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class OperationKind(StrEnum):
    """What is to be done. Of a `pending` one the provider has been asked and decides later."""

    RENEWAL = "renewal"
    CAPTURE = "capture"
    REFUND = "refund"
    REFUND_PENDING = "refund_pending"
    GUARANTEE = "guarantee"
    GUARANTEE_RELEASE = "guarantee_release"
    GUARANTEE_CLAIM = "guarantee_claim"
    CHANGE_PAYMENT = "supplement"
    CHANGE_PAYMENT_PENDING = "supplement_pending"
    UNAPPLIED_PENDING = "stray_pending"
    SETTLEMENT = "settlement"
    SETTLEMENT_PENDING = "settlement_pending"


UNAPPLIED_ID = "stray"


@dataclass(frozen=True, slots=True)
class Operation:
    """One of them and the id of what it is about. `until`: it is undone then; `since`: its provider decides since."""

    kind: OperationKind
    id: str
    until: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """An approved refund. `waits`: its provider has been asked for all of it, at `asked_at` last, and decides later.

    `was_parked`: support was asked about it, so it holds up nothing else; `failed`: its provider has refused it before.
    """

    refund_id: str
    refund_no: int
    waits: bool = False
    was_parked: bool = False
    failed: bool = False
    since: datetime | None = None
    submitted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class GuaranteeFacts:
    """A guarantee on which `operation` is due; `unwanted`: it came to nothing and holds money all the same."""

    return_id: str
    operation: OperationKind
    unwanted: bool = False


@dataclass(frozen=True, slots=True)
class ChangePaymentFacts:
    """A change that waits for its difference, `until` then; or that was undone while a call for it is undecided.

    `pending`: the provider decides later.
    """

    number: int
    pending: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SettlementFacts:
    """An attempt to pay what is owed on terms; `pending_since`: its provider decides later, and was asked then."""

    attempt: int
    pending_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OperationFacts:
    """What is due on an order. `renewals` are authorisations that end too early; guarantees are oldest first;
    `captures` are ids of fulfilments that have shipped and are to be captured."""

    renewals: Sequence[int] = ()
    refunds: Sequence[RefundFacts] = ()
    guarantees: Sequence[GuaranteeFacts] = ()
    change_payments: Sequence[ChangePaymentFacts] = ()
    unapplied_pending_since: datetime | None = None
    captures: Sequence[str] = ()
    settlement: SettlementFacts | None = None


def next_operation(facts: OperationFacts) -> Operation | None:
    """The first that is due, in the order of `_RULES`; None when nothing is."""
    return next((operation for rule in _RULES if (operation := rule(facts)) is not None), None)


def in_payout_order(refunds: Sequence[RefundFacts]) -> list[str]:
    """Ids of approved refunds as all of them are paid: the oldest first, those that only wait come last."""
    return [refund.refund_id for refund in sorted(refunds, key=lambda refund: (refund.waits, refund.refund_no))]


def _renewal(facts: OperationFacts) -> Operation | None:
    return Operation(OperationKind.RENEWAL, str(min(facts.renewals))) if facts.renewals else None


def _capture(facts: OperationFacts) -> Operation | None:
    return Operation(OperationKind.CAPTURE, facts.captures[0]) if facts.captures else None


def _refund(facts: OperationFacts) -> Operation | None:
    """The oldest first; one that was refused before comes after those that were not."""
    due = [refund for refund in facts.refunds if not refund.waits and not refund.was_parked]
    return _pay(min(due, key=lambda refund: (refund.failed, refund.refund_no), default=None))


def _parked_refund(facts: OperationFacts) -> Operation | None:
    due = [refund for refund in facts.refunds if not refund.waits]
    return _pay(min(due, key=lambda refund: refund.refund_no, default=None))


def _pay(refund: RefundFacts | None) -> Operation | None:
    return Operation(OperationKind.REFUND, refund.refund_id) if refund else None


def _refund_pending(facts: OperationFacts) -> Operation | None:
    """The one whose provider was asked the longest time ago."""
    submitted = [(refund.submitted_at, refund) for refund in facts.refunds if refund.submitted_at is not None]
    if not submitted:
        return None
    refund = min(submitted, key=lambda at: at[0])[1]
    return Operation(OperationKind.REFUND_PENDING, refund.refund_id, since=refund.since)


def _guarantee(facts: OperationFacts) -> Operation | None:
    """One that is wanted comes first; money of one that is not, last."""
    due = min(facts.guarantees, key=lambda guarantee: guarantee.unwanted, default=None)
    return Operation(due.operation, due.return_id) if due else None


def _change_payment(facts: OperationFacts) -> Operation | None:
    due = min(facts.change_payments, key=lambda payment: payment.number, default=None)
    if due is None:
        return None
    kind = OperationKind.CHANGE_PAYMENT_PENDING if due.pending else OperationKind.CHANGE_PAYMENT
    return Operation(kind, str(due.number), until=due.until)


def _settlement(facts: OperationFacts) -> Operation | None:
    due = facts.settlement
    return Operation(OperationKind.SETTLEMENT, str(due.attempt)) if due and due.pending_since is None else None


def _settlement_pending(facts: OperationFacts) -> Operation | None:
    due = facts.settlement
    if due is None or due.pending_since is None:
        return None
    return Operation(OperationKind.SETTLEMENT_PENDING, str(due.attempt), since=due.pending_since)


def _unapplied_pending(facts: OperationFacts) -> Operation | None:
    since = facts.unapplied_pending_since
    return Operation(OperationKind.UNAPPLIED_PENDING, UNAPPLIED_ID, since=since) if since else None


# Later ones wait for earlier ones. What only waits for a provider comes last.
_RULES: tuple[Callable[[OperationFacts], Operation | None], ...] = (
    _renewal,
    _capture,
    _refund,
    _guarantee,
    _change_payment,
    _settlement,
    _parked_refund,
    _refund_pending,
    _unapplied_pending,
    _settlement_pending,
)
