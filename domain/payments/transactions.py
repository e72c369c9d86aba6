"""Payments: kinds, states, keys, and the accounts of the double-entry ledger."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class PaymentKind(StrEnum):
    AUTHORISE = "authorise"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    # What the customer's bank takes back through the provider, and what of it comes back to us.
    DISPUTE = "dispute"
    DISPUTE_WON = "dispute_won"
    # A refund that the provider takes back: its parent is that refund.
    REFUND_REVERSED = "refund_reversed"


class PaymentStatus(StrEnum):
    """State of one transaction with a provider. `intent` is stored before the call, so its outcome can be asked for."""

    INTENT = "intent"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class PaymentPurpose(StrEnum):
    """What the money is for. Unapplied money has no purpose and goes back. On terms: it pays what is owed."""

    ORDER = "order"
    UNAPPLIED = "stray"
    GUARANTEE = "guarantee"
    CHANGE_PAYMENT = "supplement"
    TERMS = "terms"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFacts:
    """As much of a transaction as the rules read. `attempt` is that of the order's payment attempt, if it has one;
    `fulfilment_no` of a capture is the fulfilment whose share it takes, None where it takes all."""

    payment_id: int
    kind: PaymentKind
    purpose: PaymentPurpose
    status: PaymentStatus
    amount_minor: int
    created_at: datetime
    updated_at: datetime
    attempt: int | None = None
    parent_id: int | None = None
    refund_id: str | None = None
    guarantee_return_id: str | None = None
    change_payment_no: int | None = None
    risk: str | None = None
    renewal_due: bool = False
    fulfilment_no: int | None = None


# (debit, credit) of each kind; {order} and {provider} are filled in by the database.
POSTINGS: dict[PaymentKind, tuple[str, str]] = {
    PaymentKind.AUTHORISE: ("authorised:{provider}", "authorisations:customer"),
    PaymentKind.VOID: ("authorisations:customer", "authorised:{provider}"),
    PaymentKind.CAPTURE: ("receivable:{provider}", "customer_funds"),
    PaymentKind.REFUND: ("customer_funds", "receivable:{provider}"),
    PaymentKind.DISPUTE: ("customer_funds", "receivable:{provider}"),
    PaymentKind.DISPUTE_WON: ("receivable:{provider}", "customer_funds"),
    PaymentKind.REFUND_REVERSED: ("receivable:{provider}", "customer_funds"),
}


def outcome_of(attempt_state: str) -> str:
    """The outcome as the payer sees it: for them, authorising and capturing are the same."""
    return "pending" if attempt_state == "capturing" else attempt_state


def undoing_key(order_no: str, step: str, provider: str, parent_ref: str, sequence: int) -> str:
    """The provider's key for giving something back: the order, the refund (or void), and the provider's transaction.

    It names nothing that a database restored from a backup numbers anew: what was paid before is not paid again.
    """
    of = hashlib.sha256(f"{provider}:{parent_ref}".encode()).hexdigest()[:12]
    return idempotency_key(order_no, f"{step}/{of}", sequence)


def idempotency_key(order_no: str, step: str, sequence: int) -> str:
    """The provider's key for one effect: the same on every retry, reset and replay, new after a decline."""
    return f"{order_no}/{step}/{sequence}"
