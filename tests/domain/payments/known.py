"""Transactions of an order for the tables of rules."""

from datetime import UTC, datetime, timedelta
from typing import Any

from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts

START = datetime(2030, 1, 1, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


def payment(number: int, kind: str, status: str = "succeeded", **more: Any) -> TransactionFacts:
    """A payment of 1000 for the order's first attempt, begun in the minute of its number."""
    facts = {"purpose": "order", "amount_minor": 1000, "attempt": 1, "created_at": at(number), "updated_at": at(number)}
    facts |= more
    facts["purpose"] = PaymentPurpose(facts["purpose"])
    return TransactionFacts(payment_id=number, kind=PaymentKind(kind), status=PaymentStatus(status), **facts)
