"""The next pending operation of an order, as a table."""

import pytest

from domain.orders.pending_operations import (
    ChangePaymentFacts,
    GuaranteeFacts,
    Operation,
    OperationFacts,
    OperationKind,
    RefundFacts,
    in_payout_order,
    next_operation,
)
from tests.domain.payments.known import at

K = OperationKind
REFUND, REFUSED = RefundFacts("rf_1", 1), RefundFacts("rf_2", 2, failed=True)
PARKED = RefundFacts("rf_3", 3, was_parked=True)
WAITS = RefundFacts("rf_4", 4, waits=True, since=at(1), submitted_at=at(9))
WAITS_LONGER = RefundFacts("rf_5", 5, waits=True, since=at(2), submitted_at=at(8))
CLAIM = GuaranteeFacts("rt_1", K.GUARANTEE_CLAIM)
UNWANTED = GuaranteeFacts("rt_2", K.GUARANTEE_RELEASE, unwanted=True)
CHANGE, PENDING = ChangePaymentFacts(1, until=at(5)), ChangePaymentFacts(2, pending=True, until=at(6))
EVERYTHING = OperationFacts([7, 6], [WAITS, PARKED, REFUSED, REFUND], [UNWANTED, CLAIM], [PENDING, CHANGE], at(3))

TABLE: dict[str, tuple[OperationFacts, Operation | None]] = {
    "nothing is due": (OperationFacts(), None),
    "a renewal comes first, the oldest": (EVERYTHING, Operation(K.RENEWAL, "6")),
    "then a refund, the oldest": (
        OperationFacts(refunds=[PARKED, RefundFacts("rf_6", 6), REFUND], guarantees=[CLAIM]),
        Operation(K.REFUND, "rf_1"),
    ),
    "one that was refused comes after the others": (
        OperationFacts(refunds=[REFUSED, RefundFacts("rf_6", 6)]),
        Operation(K.REFUND, "rf_6"),
    ),
    "a guarantee before a refund that support was asked about": (
        OperationFacts(refunds=[PARKED, WAITS], guarantees=[UNWANTED, CLAIM], change_payments=[CHANGE]),
        Operation(K.GUARANTEE_CLAIM, "rt_1"),
    ),
    "an unwanted guarantee is released before a change is paid": (
        OperationFacts(guarantees=[UNWANTED], change_payments=[CHANGE]),
        Operation(K.GUARANTEE_RELEASE, "rt_2"),
    ),
    "a change payment before a refund that support was asked about": (
        OperationFacts(refunds=[PARKED], change_payments=[PENDING, CHANGE]),
        Operation(K.CHANGE_PAYMENT, "1", until=at(5)),
    ),
    "a change payment that its provider decides later": (
        OperationFacts(refunds=[PARKED], change_payments=[PENDING]),
        Operation(K.CHANGE_PAYMENT_PENDING, "2", until=at(6)),
    ),
    "a refund that support was asked about before one that waits": (
        OperationFacts(refunds=[WAITS, PARKED], unapplied_pending_since=at(3)),
        Operation(K.REFUND, "rf_3"),
    ),
    "of those that wait the one that was asked for the longest time ago": (
        OperationFacts(refunds=[WAITS, WAITS_LONGER], unapplied_pending_since=at(3)),
        Operation(K.REFUND_PENDING, "rf_5", since=at(2)),
    ),
    "unapplied money that waits comes last": (
        OperationFacts(unapplied_pending_since=at(3)),
        Operation(K.UNAPPLIED_PENDING, "stray", since=at(3)),
    ),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_next_operation_of_an_order(name: str) -> None:
    facts, expected = TABLE[name]
    assert next_operation(facts) == expected


def test_refunds_are_paid_the_oldest_first_and_those_that_wait_come_last() -> None:
    assert in_payout_order([WAITS, PARKED, REFUSED, REFUND]) == ["rf_1", "rf_2", "rf_3", "rf_4"]
    assert in_payout_order([WAITS, RefundFacts("rf_6", 6)]) == ["rf_6", "rf_4"]
