"""Change payments: the lifecycle of a change that waits until the customer has paid its difference.

`CHANGE_PAYMENT_TRANSITIONS` is the single source: the tests compare the database's guard with it.
"""

from collections.abc import Mapping
from enum import StrEnum


class ChangePaymentStatus(StrEnum):
    """Status of a change payment. It ends once: the change is applied, or nothing of it remains."""

    AWAITING_PAYMENT = "awaiting_payment"
    APPLIED = "applied"
    UNDONE = "undone"


_S = ChangePaymentStatus
CHANGE_PAYMENT_TRANSITIONS: Mapping[ChangePaymentStatus, frozenset[ChangePaymentStatus]] = {
    _S.AWAITING_PAYMENT: frozenset({_S.APPLIED, _S.UNDONE}),
    _S.APPLIED: frozenset(),
    _S.UNDONE: frozenset(),
}
