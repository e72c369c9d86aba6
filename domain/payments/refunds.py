"""Refunds: their states, where they come from, and which moves are legal. The database's table says the same."""

from collections.abc import Mapping
from enum import StrEnum


class RefundStatus(StrEnum):
    """State of a refund. It holds its room from the moment that it is opened until it is refused or overtaken."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    OVERTAKEN = "overtaken"


class Origin(StrEnum):
    """Why money goes back."""

    SUPPORT = "support"
    RETURN = "return"
    AMENDMENT = "amendment"
    EXCHANGE = "exchange"
    PROVIDER = "provider"


_S = RefundStatus
# `refused` by the approver or without a decision; `overtaken` by a cancellation, which returns everything, or by what
# was refunded or disputed at the provider, which leaves no room for it. One that was paid is open again when its
# provider takes it back, and one that gave way to a dispute when that is won.
REFUND_TRANSITIONS: Mapping[RefundStatus, frozenset[RefundStatus]] = {
    _S.AWAITING_APPROVAL: frozenset({_S.APPROVED, _S.REFUSED, _S.OVERTAKEN}),
    _S.APPROVED: frozenset({_S.SUCCEEDED, _S.OVERTAKEN}),
    _S.SUCCEEDED: frozenset({_S.APPROVED}),
    _S.REFUSED: frozenset(),
    _S.OVERTAKEN: frozenset({_S.APPROVED, _S.AWAITING_APPROVAL}),
}
# It is still to be decided or paid.
OPEN = frozenset({_S.AWAITING_APPROVAL, _S.APPROVED})
