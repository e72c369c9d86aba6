"""The state of a payment attempt, derived from its transactions.

An order has one attempt for each time that the customer pays; the newest one counts.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts


class AttemptState(StrEnum):
    """State of the newest attempt. `none`: nobody has paid yet; `pending`: the provider decides later.

    `authorised` waits for its capture, `capturing` is a capture that the provider decides later.
    """

    NONE = "none"
    OPEN = "open"
    PENDING = "pending"
    AUTHORISED = "authorised"
    CAPTURING = "capturing"
    FAILED = "failed"
    CAPTURED = "captured"


_S = AttemptState
# The outcome of the attempt comes first: another one is not begun beside it.
IN_FLIGHT = frozenset({_S.OPEN, _S.PENDING, _S.AUTHORISED, _S.CAPTURING})
# At the payment deadline the customer has paid in time.
IN_TIME = frozenset({_S.OPEN, _S.AUTHORISED, _S.CAPTURING, _S.CAPTURED})
# Whoever waits for the outcome of their payment is answered.
ANSWERED = frozenset({_S.FAILED, _S.PENDING, _S.CAPTURING})
# The provider has decided on the authorisation.
DECIDED = frozenset({_S.AUTHORISED, _S.CAPTURING, _S.CAPTURED, _S.FAILED})


def state_of(attempt: int | None, transactions: Sequence[TransactionFacts]) -> AttemptState:
    """The state of the order's newest `attempt`, None where there is none; `transactions` are all of the order."""
    capture = _capture_status(attempt, transactions)
    if capture is PaymentStatus.SUCCEEDED:
        return _S.CAPTURED
    if attempt is None:
        return _S.NONE
    match _authorisation_status(attempt, transactions):
        case None | PaymentStatus.INTENT:
            return _S.OPEN
        case PaymentStatus.PENDING:
            return _S.PENDING
        case PaymentStatus.FAILED:
            return _S.FAILED
    match capture:
        case PaymentStatus.FAILED:
            return _S.FAILED
        case PaymentStatus.PENDING:
            return _S.CAPTURING
    return _S.AUTHORISED


def awaits_provider(transactions: Iterable[TransactionFacts]) -> bool:
    """True while a provider is asked, or about to be, to authorise or capture the order's money."""
    return any(
        t.kind in (PaymentKind.AUTHORISE, PaymentKind.CAPTURE)
        and t.purpose in (PaymentPurpose.ORDER, PaymentPurpose.TERMS)
        and t.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)
        for t in transactions
    )


def authorisation_of(attempt: int | None, transactions: Iterable[TransactionFacts]) -> TransactionFacts | None:
    """The authorisation of an attempt, whatever became of it."""
    if attempt is None:
        return None
    return next((t for t in transactions if t.kind is PaymentKind.AUTHORISE and t.attempt == attempt), None)


def _authorisation_status(attempt: int, transactions: Sequence[TransactionFacts]) -> PaymentStatus | None:
    """An authorisation that is voided, or that does not pay the order, counts as failed."""
    authorisation = authorisation_of(attempt, transactions)
    if authorisation is None or authorisation.status is not PaymentStatus.SUCCEEDED:
        return authorisation.status if authorisation else None
    lost = authorisation.purpose is PaymentPurpose.UNAPPLIED or any(
        t.parent_id == authorisation.payment_id
        and t.status is PaymentStatus.SUCCEEDED
        and (t.kind is PaymentKind.VOID or t.purpose is PaymentPurpose.UNAPPLIED)
        for t in transactions
    )
    return PaymentStatus.FAILED if lost else PaymentStatus.SUCCEEDED


def _capture_status(attempt: int | None, transactions: Iterable[TransactionFacts]) -> PaymentStatus | None:
    """The capture that pays the order: one of this attempt, or any that has succeeded. A failed one counts last."""
    captures = [
        t
        for t in transactions
        if t.kind is PaymentKind.CAPTURE
        and t.purpose is PaymentPurpose.ORDER
        and (t.status is PaymentStatus.SUCCEEDED or (attempt is not None and t.attempt == attempt))
    ]
    best = max(captures, key=lambda t: (t.status is not PaymentStatus.FAILED, t.payment_id), default=None)
    return best.status if best else None
