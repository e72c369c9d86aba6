"""Unapplied money: what the order holds of the customer's money without a purpose, and what goes back.

It is a payment of nothing that the order waits for: a second payment, an authorisation that a newer attempt has
replaced, the rest of a change that was undone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from domain.orders.status import UNPAID, Status
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts

T = TypeVar("T", bound=TransactionFacts)
_TAKEN_BACK = {PaymentKind.REFUND: 1, PaymentKind.DISPUTE: 1, PaymentKind.DISPUTE_WON: -1}


@dataclass(frozen=True, slots=True)
class MoneyFacts:
    """What decides which authorisations are still needed; `attempt` is the newest payment attempt, if there is one;
    `awaits_shipment`: a fulfilment is captured when it ships, and has not been; `owed`: an order on payment terms is
    not paid."""

    status: Status
    attempt: int | None
    awaits_change_payment: bool
    awaits_shipment: bool = False
    owed: bool = False


@dataclass(frozen=True, slots=True)
class Returnable:
    """A payment of which `amount_minor` is to be returned; `kind` says how: a void or a refund."""

    payment_id: int
    kind: PaymentKind
    purpose: PaymentPurpose
    amount_minor: int


def to_return(facts: MoneyFacts, transactions: Sequence[TransactionFacts], *, everything: bool) -> list[Returnable]:
    """What a person who returns the money otherwise has to return: of an order that is undone `everything`, else
    unapplied money.

    Of unapplied money it is what no provider has been asked to return yet, as far as there is any.
    """
    if everything:
        return _returnable(captures(transactions), open_authorisations(transactions), transactions)
    unneeded = unapplied_authorisations(facts, transactions)
    held = _returnable(unapplied_captures(transactions), unneeded, transactions)
    return [one for one in held if not _is_asked(one, transactions)] or held


def _returnable(
    captured: Sequence[TransactionFacts],
    authorised: Sequence[TransactionFacts],
    transactions: Sequence[TransactionFacts],
) -> list[Returnable]:
    kept = [(capture, capture.amount_minor - _given_back(capture, transactions)) for capture in captured]
    refunds = [Returnable(t.payment_id, PaymentKind.REFUND, t.purpose, left) for t, left in kept if left > 0]
    voids = [
        Returnable(t.payment_id, PaymentKind.VOID, t.purpose, authorised_left(t, transactions)) for t in authorised
    ]
    return refunds + voids


def _is_asked(held: Returnable, transactions: Sequence[TransactionFacts]) -> bool:
    """Whether its provider decides already."""
    pending = PaymentStatus.PENDING
    return any(t.parent_id == held.payment_id and (t.kind, t.status) == (held.kind, pending) for t in transactions)


def has_unapplied(facts: MoneyFacts, transactions: Sequence[TransactionFacts]) -> bool:
    """True while something is to be given back that no provider is deciding on yet."""
    return any(
        not _children(transactions, t, PaymentKind.VOID, PaymentStatus.PENDING)
        for t in unapplied_authorisations(facts, transactions)
    ) or any(
        left_of(capture, transactions) > _being_returned(capture, transactions)
        for capture in unapplied_captures(transactions)
    )


def unapplied_authorisations(facts: MoneyFacts, transactions: Sequence[T]) -> list[T]:
    """Authorisations that hold money for nothing, oldest first. A guarantee has its own operations."""
    return [t for t in open_authorisations(transactions) if not _is_needed(facts, t, transactions)]


def open_authorisations(transactions: Sequence[T]) -> list[T]:
    """Authorisations that hold money: neither captured nor voided, and no guarantee. One that is captured with each
    fulfilment holds what is left of it."""
    ended = {
        t.parent_id
        for t in transactions
        if t.status is PaymentStatus.SUCCEEDED
        and (t.kind is PaymentKind.VOID or (t.kind is PaymentKind.CAPTURE and t.fulfilment_no is None))
    }
    return [
        t
        for t in transactions
        if t.kind is PaymentKind.AUTHORISE
        and t.status is PaymentStatus.SUCCEEDED
        and t.purpose is not PaymentPurpose.GUARANTEE
        and t.payment_id not in ended
        and authorised_left(t, transactions) > 0
    ]


def authorised_left(authorisation: TransactionFacts, transactions: Sequence[TransactionFacts]) -> int:
    """What of it was not captured with a fulfilment, in minor units."""
    return authorisation.amount_minor - sum(
        t.amount_minor
        for t in _children(transactions, authorisation, PaymentKind.CAPTURE, PaymentStatus.SUCCEEDED)
        if t.fulfilment_no is not None
    )


def unapplied_captures(transactions: Sequence[T]) -> list[T]:
    """Captured money that is not the order's, whether or not some of it is back."""
    return [t for t in captures(transactions) if t.purpose is PaymentPurpose.UNAPPLIED]


def captures(transactions: Sequence[T]) -> list[T]:
    """Whatever was captured, for whatever purpose."""
    return [t for t in transactions if t.kind is PaymentKind.CAPTURE and t.status is PaymentStatus.SUCCEEDED]


def left_of(capture: TransactionFacts, transactions: Sequence[TransactionFacts]) -> int:
    """What of a capture is still to be given back: less what is refunded, promised as a refund, or disputed."""
    pending = _children(transactions, capture, PaymentKind.REFUND, PaymentStatus.PENDING)
    promised = sum(t.amount_minor for t in pending if t.refund_id is not None)
    return capture.amount_minor - _given_back(capture, transactions) - promised


def _given_back(capture: TransactionFacts, transactions: Sequence[TransactionFacts]) -> int:
    """What of a capture is refunded or disputed, and of an order on payment terms what another capture has paid."""
    return _settled(capture, transactions) + sum(
        sign * t.amount_minor
        for kind, sign in _TAKEN_BACK.items()
        for t in _children(transactions, capture, kind, PaymentStatus.SUCCEEDED)
    )


def _settled(capture: TransactionFacts, transactions: Sequence[TransactionFacts]) -> int:
    """Only the capture of an order on payment terms has others that pay it."""
    if capture.purpose is not PaymentPurpose.ORDER:
        return 0
    paid = (t for t in transactions if (t.kind, t.purpose) == (PaymentKind.CAPTURE, PaymentPurpose.TERMS))
    return sum(t.amount_minor for t in paid if t.status is not PaymentStatus.FAILED)


def _being_returned(capture: TransactionFacts, transactions: Sequence[TransactionFacts]) -> int:
    """What its provider was asked to give back, without a refund, and decides later."""
    pending = _children(transactions, capture, PaymentKind.REFUND, PaymentStatus.PENDING)
    return sum(t.amount_minor for t in pending if t.refund_id is None)


def _is_needed(facts: MoneyFacts, authorisation: TransactionFacts, transactions: Sequence[TransactionFacts]) -> bool:
    match authorisation.purpose:
        case PaymentPurpose.CHANGE_PAYMENT:
            return facts.awaits_change_payment
        case PaymentPurpose.ORDER | PaymentPurpose.TERMS:
            failed = _children(transactions, authorisation, PaymentKind.CAPTURE, PaymentStatus.FAILED)
            refused = any(t.fulfilment_no is None for t in failed)
            newest = authorisation.attempt is not None and authorisation.attempt == facts.attempt
            if authorisation.purpose is PaymentPurpose.TERMS:
                return newest and facts.owed and not refused
            return newest and (facts.status in UNPAID or facts.awaits_shipment) and not refused
    return False


def _children(transactions: Sequence[T], parent: TransactionFacts, kind: PaymentKind, status: PaymentStatus) -> list[T]:
    return [t for t in transactions if t.parent_id == parent.payment_id and t.kind is kind and t.status is status]
