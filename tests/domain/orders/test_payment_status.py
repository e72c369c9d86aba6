"""The payment status of an order, case by case."""

import pytest

from domain.orders.payment_status import PaymentState, PaymentSums, payment_state
from domain.orders.status import Status

S, P = Status, PaymentState


@pytest.mark.parametrize(
    ("status", "sums", "expected"),
    [
        (S.RECEIVED, PaymentSums(), P.PENDING),
        (S.PENDING_PAYMENT, PaymentSums(), P.PENDING),
        (S.PENDING_PAYMENT, PaymentSums(authorised_minor=900), P.AUTHORISED),
        (S.PAID, PaymentSums(captured_minor=900), P.PAID),
        (S.PREPARING, PaymentSums(), P.PAID),  # an exchange, or nothing was due
        (S.PAID, PaymentSums(authorised_minor=100, captured_minor=900), P.PAID),
        (S.PREPARING, PaymentSums(authorised_minor=100, captured_minor=900, by_shipment=True), P.PARTIALLY_PAID),
        (S.SHIPPED, PaymentSums(captured_minor=900, by_shipment=True), P.PAID),
        (S.DELIVERED, PaymentSums(captured_minor=900, refunded_minor=100, owed=True), P.ON_TERMS),
        (S.SHIPPED, PaymentSums(captured_minor=900, refunded_minor=1), P.PARTIALLY_REFUNDED),
        (S.COMPLETED, PaymentSums(captured_minor=900, refunded_minor=900), P.REFUNDED),
        (S.COMPLETED, PaymentSums(captured_minor=900, disputed_minor=900), P.DISPUTED),
        (S.COMPLETED, PaymentSums(captured_minor=900, refunded_minor=100, disputed_minor=800), P.DISPUTED),
        (S.CANCELLED, PaymentSums(), P.VOIDED),
        (S.CANCELLED, PaymentSums(authorised_minor=900), P.VOIDED),
        (S.CANCELLED, PaymentSums(captured_minor=900, refunded_minor=900), P.REFUNDED),
    ],
)
def test_the_payment_status_of_an_order(status: Status, sums: PaymentSums, expected: PaymentState) -> None:
    assert payment_state(status, sums) is expected


@pytest.mark.parametrize("status", list(Status))
def test_captured_money_counts_in_every_status(status: Status) -> None:
    assert payment_state(status, PaymentSums(captured_minor=1)) is P.PAID
