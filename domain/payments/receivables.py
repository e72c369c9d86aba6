"""Orders on payment terms: the customer's credit pays them at first, and what is owed is paid later.

The capture of such an order is made on the customer's account with us (the provider `terms`). A payment that comes
later pays what is owed, and has a purpose of its own. A refund lowers what is owed while there is something to lower.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from domain.payments.attempts import AttemptState, state_of
from domain.payments.transactions import PaymentKind, PaymentPurpose, TransactionFacts

PROVIDER = "terms"
MOST_DAYS = 365
_OWN = (PaymentPurpose.TERMS, PaymentPurpose.UNAPPLIED)


class Terms(StrEnum):
    """How far an order on terms is paid; empty for every other order, and before its terms have begun."""

    NONE = ""
    OWED = "owed"
    PAID = "paid"


@dataclass(frozen=True, slots=True)
class Receivable:
    """What is owed for an order, in minor units; `due_at` is None until its terms have begun."""

    owed_minor: int
    due_at: datetime | None

    @property
    def terms(self) -> Terms:
        if self.due_at is None:
            return Terms.NONE
        return Terms.OWED if self.owed_minor else Terms.PAID


@dataclass(frozen=True, slots=True)
class Credit:
    """A customer's credit in one currency, in minor units. A limit may be lowered below what is used."""

    currency: str
    limit_minor: int
    terms_days: int
    used_minor: int

    @property
    def left_minor(self) -> int:
        return max(self.limit_minor - self.used_minor, 0)


def state_on_terms(attempt: int | None, transactions: Sequence[TransactionFacts]) -> AttemptState:
    """The state of the newest attempt to pay what is owed. Other payments of the order, also earlier ones of what was
    owed, say nothing of it."""
    own = [t for t in transactions if attempt is not None and t.attempt == attempt and t.purpose in _OWN]
    paying = [replace(t, purpose=PaymentPurpose.ORDER) if t.purpose is PaymentPurpose.TERMS else t for t in own]
    return state_of(attempt, paying)


def settled_minor(transactions: Sequence[TransactionFacts]) -> int:
    """What the customer has paid of what was owed."""
    return sum(t.amount_minor for t in transactions if is_settlement(t))


def is_settlement(transaction: TransactionFacts) -> bool:
    """True for a capture that pays what is owed."""
    return (transaction.kind, transaction.purpose) == (PaymentKind.CAPTURE, PaymentPurpose.TERMS)
