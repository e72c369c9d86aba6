"""How far a refund is paid, as a table."""

from datetime import datetime

import pytest

from domain.payments.refund_progress import RefundProgress, progress, unapplied_pending_since
from domain.payments.transactions import TransactionFacts
from tests.domain.payments.known import at, payment


def part(number: int, status: str, capture: int = 1) -> TransactionFacts:
    return payment(number, "refund", status, parent_id=capture, refund_id="rf_1")


# The captures that it is paid out of, its transactions.
TABLE: dict[str, tuple[list[int], list[TransactionFacts], RefundProgress]] = {
    "nobody was asked": ([1], [], RefundProgress(False, False)),
    "about to be asked": ([1], [part(2, "intent")], RefundProgress(False, False)),
    "the provider decides later": ([1], [part(2, "pending")], RefundProgress(True, False, at(2), at(2))),
    "refused": ([1], [part(2, "failed")], RefundProgress(False, True)),
    "refused, then asked again": ([1], [part(2, "failed"), part(3, "pending")],
                                  RefundProgress(True, True, at(3), at(3))),
    "one part is still to be asked": ([1, 9], [part(2, "pending")], RefundProgress(False, False, at(2), at(2))),
    "one part is paid, one pending": ([1, 9], [part(2, "succeeded"), part(3, "pending", 9)],
                                      RefundProgress(True, False, at(3), at(3))),
    "two are pending": ([1, 9], [part(2, "pending"), part(3, "pending", 9)],
                        RefundProgress(True, False, at(2), at(3))),
    "another refund's": ([1], [payment(2, "refund", "pending", parent_id=1, refund_id="rf_2")],
                         RefundProgress(False, False)),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_refund_waits_once_its_provider_was_asked_for_all_of_it(name: str) -> None:
    captures, transactions, expected = TABLE[name]
    assert progress("rf_1", captures, transactions) == expected


PENDING: dict[str, tuple[list[TransactionFacts], datetime | None]] = {
    "nothing": ([], None),
    "a void": ([payment(2, "void", "pending", parent_id=1)], at(2)),
    "the oldest of two": ([payment(3, "refund", "pending"), payment(2, "void", "pending")], at(2)),
    "decided": ([payment(2, "void")], None),
    "a payment in": ([payment(2, "capture", "pending")], None),
    "part of a refund": ([part(2, "pending")], None),
    "a guarantee": ([payment(2, "void", "pending", purpose="guarantee")], None),
}


@pytest.mark.parametrize("name", PENDING)
def test_money_that_goes_back_without_a_refund_is_pending_since_its_first_call(name: str) -> None:
    transactions, since = PENDING[name]
    assert unapplied_pending_since(transactions) == since
