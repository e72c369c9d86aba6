"""Payments that were given up and went through after all, as tables."""

import pytest

from domain.payments.late_outcomes import is_paid_twice, is_surplus
from domain.payments.refunds import RefundStatus
from domain.payments.transactions import TransactionFacts
from tests.domain.payments.known import payment

OWN = payment(1, "capture", "failed", parent_id=9)
OF_CHANGE = payment(1, "capture", "failed", purpose="supplement", change_payment_no=1, parent_id=9)
OF_GUARANTEE = payment(1, "capture", "failed", purpose="guarantee", guarantee_return_id="rt_1", parent_id=9)
UNAPPLIED = payment(1, "capture", "failed", purpose="stray")

# The capture, what else the order has, whether its guarantee is still claimed, and whether the capture is surplus.
SURPLUS: dict[str, tuple[TransactionFacts, list[TransactionFacts], bool | None, bool]] = {
    "nothing else pays": (OWN, [], None, False),
    "another capture pays the order": (OWN, [payment(2, "capture")], None, True),
    "another capture is under way": (OWN, [payment(2, "capture", "intent")], None, True),
    "another capture failed": (OWN, [payment(2, "capture", "failed")], None, False),
    "another authorisation only": (OWN, [payment(2, "authorise")], None, False),
    "a change's payment pays something else": (OWN, [payment(2, "capture", purpose="supplement")], None, False),
    "another capture pays the change": (
        OF_CHANGE, [payment(2, "capture", purpose="supplement", change_payment_no=1)], None, True,
    ),
    "another change is paid": (
        OF_CHANGE, [payment(2, "capture", purpose="supplement", change_payment_no=2)], None, False,
    ),
    "the order's capture does not pay the change": (OF_CHANGE, [payment(2, "capture")], None, False),
    "the guarantee is claimed": (OF_GUARANTEE, [], True, False),
    "the guarantee has ended": (OF_GUARANTEE, [], False, True),
    "the guarantee was captured before": (
        OF_GUARANTEE, [payment(2, "capture", purpose="guarantee", parent_id=9)], True, True,
    ),
    "the guarantee was voided before": (
        OF_GUARANTEE, [payment(2, "void", purpose="guarantee", parent_id=9)], True, True,
    ),
    "another guarantee was captured": (
        OF_GUARANTEE, [payment(2, "capture", purpose="guarantee", parent_id=8)], True, False,
    ),
    "without an authorisation nothing is the same": (
        UNAPPLIED, [payment(2, "capture", purpose="stray")], None, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SURPLUS)
def test_a_late_capture_is_surplus_where_another_payment_serves_its_purpose(name: str) -> None:
    capture, others, claimed, surplus = SURPLUS[name]
    assert is_surplus(capture, [capture, *others], guarantee_claimed=claimed) is surplus


REFUND = payment(3, "refund", "failed", parent_id=1, refund_id="rf_1")
MONEY_BACK = payment(3, "refund", "failed", parent_id=1)
APPROVED, OVERTAKEN = RefundStatus.APPROVED, RefundStatus.OVERTAKEN

# The refund that succeeded late, what else went back, the room left, the status of the refund, and whether it is paid
# twice.
TWICE: dict[str, tuple[TransactionFacts, list[TransactionFacts], int, RefundStatus | None, bool]] = {
    "nothing else paid it": (REFUND, [], 0, APPROVED, False),
    "another call paid it": (REFUND, [payment(4, "refund", parent_id=1, refund_id="rf_1")], 0, APPROVED, True),
    "another call is under way": (
        REFUND, [payment(4, "refund", "pending", parent_id=1, refund_id="rf_1")], 0, APPROVED, True,
    ),
    "another call failed": (
        REFUND, [payment(4, "refund", "failed", parent_id=1, refund_id="rf_1")], 0, APPROVED, False,
    ),
    "another capture's part is paid": (
        REFUND, [payment(4, "refund", parent_id=2, refund_id="rf_1")], 0, APPROVED, False,
    ),
    "another refund is paid": (REFUND, [payment(4, "refund", parent_id=1, refund_id="rf_2")], 0, APPROVED, False),
    "it was overtaken": (REFUND, [], 5000, OVERTAKEN, True),
    "unapplied money, and room for it": (MONEY_BACK, [], 1000, None, False),
    "unapplied money, and no room": (MONEY_BACK, [], 999, None, True),
}  # fmt: skip


@pytest.mark.parametrize("name", TWICE)
def test_a_late_refund_is_paid_twice_where_nothing_is_left_of_it(name: str) -> None:
    refund, others, room, status, twice = TWICE[name]
    assert is_paid_twice(refund, [refund, *others], room_minor=room, refund_status=status) is twice
