"""What an order's payment has come to: one word, by one rule."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.orders.status import DELIVERED_ORDERS, UNPAID, Status


class PaymentState(StrEnum):
    """The payment of an order. `partially_paid`: what has shipped is captured, the rest is authorised; `disputed`: the
    customer's bank took some of it back; `on_terms`: its customer owes it."""

    PENDING = "pending"
    AUTHORISED = "authorised"
    PARTIALLY_PAID = "partially_paid"
    ON_TERMS = "on_terms"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class PaymentSums:
    """The money of an order, in minor units: authorised and not captured yet, captured, and what went back of it.
    `by_shipment`: it is captured as it ships; `owed`: it is on payment terms and not paid."""

    authorised_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    disputed_minor: int = 0
    by_shipment: bool = False
    owed: bool = False


def payment_state(status: Status, sums: PaymentSums) -> PaymentState:
    """An order that is past its payment without one of its own is paid: nothing was due, or an exchange pays it."""
    if sums.captured_minor:
        return _of_captured(sums)
    if status is Status.CANCELLED:
        return PaymentState.VOIDED
    if sums.authorised_minor and status not in DELIVERED_ORDERS:
        return PaymentState.AUTHORISED
    return PaymentState.PENDING if status in UNPAID else PaymentState.PAID


def _of_captured(sums: PaymentSums) -> PaymentState:
    if sums.disputed_minor:
        return PaymentState.DISPUTED
    if sums.owed:
        return PaymentState.ON_TERMS
    if not sums.refunded_minor:
        return PaymentState.PARTIALLY_PAID if sums.by_shipment and sums.authorised_minor else PaymentState.PAID
    whole = sums.refunded_minor >= sums.captured_minor
    return PaymentState.REFUNDED if whole else PaymentState.PARTIALLY_REFUNDED


_SUMS = (
    *(PaymentSums(), PaymentSums(authorised_minor=1), PaymentSums(captured_minor=2)),
    *(PaymentSums(captured_minor=2, refunded_minor=back) for back in (1, 2)),
    PaymentSums(captured_minor=2, disputed_minor=1),
    PaymentSums(authorised_minor=1, captured_minor=2, by_shipment=True),
    PaymentSums(captured_minor=2, owed=True),
)
# The statuses that an order of each payment status can have, found by the rule itself.
ORDER_STATUSES: Mapping[PaymentState, frozenset[Status]] = {
    state: frozenset(status for status in Status if any(payment_state(status, sums) is state for sums in _SUMS))
    for state in PaymentState
}
