"""Payments of ours that were given up and went through after all: what another one has done meanwhile."""

from collections.abc import Sequence

from domain.payments.refunds import RefundStatus
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts


def is_surplus(
    capture: TransactionFacts, transactions: Sequence[TransactionFacts], *, guarantee_claimed: bool | None
) -> bool:
    """True for a capture whose purpose another payment serves by now, or whose guarantee has ended: it goes back.

    `guarantee_claimed` is None where the capture is of no guarantee.
    """
    if capture.purpose is PaymentPurpose.GUARANTEE and guarantee_claimed is False:
        return True
    return any(_serves(other, capture) for other in _others(capture, transactions))


def is_paid_twice(
    refund: TransactionFacts,
    transactions: Sequence[TransactionFacts],
    *,
    room_minor: int,
    refund_status: RefundStatus | None,
) -> bool:
    """True for a refund that has no room left: it was overtaken, or another payment paid it.

    `room_minor` is what of the capture is neither given back nor promised. `refund_status` is None for money that goes
    back without a refund.
    """
    if refund_status is None:
        return room_minor < refund.amount_minor
    return refund_status is RefundStatus.OVERTAKEN or any(
        (other.refund_id, other.parent_id) == (refund.refund_id, refund.parent_id)
        for other in _others(refund, transactions)
    )


def _others(payment: TransactionFacts, transactions: Sequence[TransactionFacts]) -> list[TransactionFacts]:
    """What has not failed beside it."""
    return [t for t in transactions if t.payment_id != payment.payment_id and t.status is not PaymentStatus.FAILED]


def _serves(other: TransactionFacts, capture: TransactionFacts) -> bool:
    match capture.purpose:
        case PaymentPurpose.ORDER:
            same = (other.kind, other.purpose) == (PaymentKind.CAPTURE, PaymentPurpose.ORDER)
            return same and other.fulfilment_no == capture.fulfilment_no
        case PaymentPurpose.CHANGE_PAYMENT:
            same = (other.kind, other.purpose) == (PaymentKind.CAPTURE, PaymentPurpose.CHANGE_PAYMENT)
            return same and other.change_payment_no == capture.change_payment_no is not None
    ends = other.kind in (PaymentKind.CAPTURE, PaymentKind.VOID)
    return ends and other.parent_id == capture.parent_id is not None
