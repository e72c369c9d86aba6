"""Payments: kinds, states, keys, and the accounts of the double-entry ledger."""

import hashlib
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


# (debit, credit) of each kind; {order} and {provider} are filled in by the books.
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
    """What a caller who pays is told of an attempt: whether it is being authorised or captured is the same to him."""
    return "pending" if attempt_state == "capturing" else attempt_state


def undoing_key(order_no: str, step: str, provider: str, parent_ref: str, sequence: int) -> str:
    """The provider's key for giving something back: of the order, of which refund (or void), and of whose transaction.

    It names nothing that a database restored from a backup would number anew: what was paid before is not paid again.
    """
    of = hashlib.sha256(f"{provider}:{parent_ref}".encode()).hexdigest()[:12]
    return idempotency_key(order_no, f"{step}/{of}", sequence)


def idempotency_key(order_no: str, step: str, sequence: int) -> str:
    """The provider's key for one effect: the same on every retry, reset and replay, new after a decline."""
    return f"{order_no}/{step}/{sequence}"
