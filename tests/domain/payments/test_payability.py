"""Who may pay an order, as a table: the API, the workflow, its activity and the order's actions read the same rule."""

import pytest

from domain.orders.status import Status
from domain.payments.attempts import AttemptState as A
from domain.payments.payability import facts_by_attempt, is_offered, refusal

# Status, whether it is being cancelled, the state of the attempt; the refusal, and whether paying is offered.
TABLE: dict[str, tuple[Status, bool, A, str | None, bool]] = {
    "waits for stock": (Status.RECEIVED, False, A.NONE, None, False),
    "paid before its stock is reserved": (Status.RECEIVED, False, A.CAPTURED, "already_paid", False),
    "waits for payment": (Status.PENDING_PAYMENT, False, A.NONE, None, True),
    "declined": (Status.PENDING_PAYMENT, False, A.FAILED, None, True),
    "taken up": (Status.PENDING_PAYMENT, False, A.OPEN, "payment_in_progress", False),
    "pending at the provider": (Status.PENDING_PAYMENT, False, A.PENDING, "payment_in_progress", False),
    "authorised": (Status.PENDING_PAYMENT, False, A.AUTHORISED, "payment_in_progress", False),
    "being captured": (Status.PENDING_PAYMENT, False, A.CAPTURING, "payment_in_progress", False),
    "captured": (Status.PENDING_PAYMENT, False, A.CAPTURED, "already_paid", False),
    "being cancelled": (Status.PENDING_PAYMENT, True, A.NONE, "order_closed", False),
    "being cancelled while a payment is in flight": (Status.PENDING_PAYMENT, True, A.PENDING, "order_closed", False),
    "being cancelled after it was paid": (Status.PAID, True, A.CAPTURED, "already_paid", False),
    "cancelled": (Status.CANCELLED, False, A.NONE, "order_closed", False),
    "cancelled after a decline": (Status.CANCELLED, False, A.FAILED, "order_closed", False),
    "free of charge": (Status.PAID, False, A.NONE, "already_paid", False),
    "delivered": (Status.DELIVERED, False, A.CAPTURED, "already_paid", False),
    "completed": (Status.COMPLETED, False, A.CAPTURED, "already_paid", False),
}


@pytest.mark.parametrize("name", TABLE)
def test_an_order_is_paid_once_and_only_while_it_waits_for_it(name: str) -> None:
    status, cancelling, attempt, code, offered = TABLE[name]
    facts = facts_by_attempt(status, cancelling, attempt)
    why = refusal(facts)
    assert (why.code if why else None, is_offered(facts)) == (code, offered)
