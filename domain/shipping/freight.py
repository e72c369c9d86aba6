"""Freight: what parcels were estimated to cost, what they cost when booked, and what the carrier billed.

The three are entries of a ledger. Where a line of a carrier's bill is not what was booked, a person decides: accept it,
or dispute it with the carrier until it is credited or accepted after all.
"""

from collections.abc import Mapping
from enum import StrEnum

from domain.errors import Conflict, RuleBroken

MAX_BILL_LINES = 2_000_000


class FreightKind(StrEnum):
    """What an entry of the ledger says."""

    ESTIMATED = "estimated"
    BOOKED = "booked"
    BILLED = "billed"


class BillState(StrEnum):
    """A bill is compared line by line with what was booked."""

    COMPARING = "comparing"
    COMPARED = "compared"


class DifferenceKind(StrEnum):
    """Why a line of a bill needs a decision. `not_booked`: no cost was known when the parcel was booked."""

    AMOUNT = "amount"
    NOT_BOOKED = "not_booked"
    CANCELLED_PARCEL = "cancelled_parcel"
    UNKNOWN_PARCEL = "unknown_parcel"
    BILLED_TWICE = "billed_twice"
    BILLED_BEFORE = "billed_before"
    OTHER_CURRENCY = "other_currency"
    NEGATIVE_AMOUNT = "negative_amount"
    UNREADABLE = "unreadable"


class DifferenceState(StrEnum):
    """`disputed` waits for the carrier; `accepted` and `credited` are final."""

    OPEN = "open"
    DISPUTED = "disputed"
    ACCEPTED = "accepted"
    CREDITED = "credited"


class DifferenceAction(StrEnum):
    """What a person decides about a difference. `credit`: the carrier gave in."""

    ACCEPT = "accept"
    DISPUTE = "dispute"
    CREDIT = "credit"


_S, _A = DifferenceState, DifferenceAction
TRANSITIONS: Mapping[tuple[DifferenceState, DifferenceAction], DifferenceState] = {
    (_S.OPEN, _A.ACCEPT): _S.ACCEPTED,
    (_S.OPEN, _A.DISPUTE): _S.DISPUTED,
    (_S.DISPUTED, _A.ACCEPT): _S.ACCEPTED,
    (_S.DISPUTED, _A.CREDIT): _S.CREDITED,
}
# The parcel was billed: the line is in the ledger from the beginning. The others are added when they are accepted.
RECORDED = (DifferenceKind.AMOUNT, DifferenceKind.NOT_BOOKED, DifferenceKind.CANCELLED_PARCEL)


def allowed_actions(kind: DifferenceKind, state: DifferenceState) -> tuple[DifferenceAction, ...]:
    """What can be decided now. Where nothing could be read there is no amount to accept."""
    return tuple(
        action
        for (before, action) in TRANSITIONS
        if before is state and not (action is _A.ACCEPT and kind is DifferenceKind.UNREADABLE)
    )


def decided(kind: DifferenceKind, state: DifferenceState, action: DifferenceAction) -> DifferenceState:
    """The state after a decision. Raises Conflict `difference_decided`, RuleBroken `difference_unreadable`."""
    if (after := TRANSITIONS.get((state, action))) is None:
        raise Conflict("difference_decided")
    if action not in allowed_actions(kind, state):
        raise RuleBroken("difference_unreadable")
    return after


def added_minor(
    kind: DifferenceKind, action: DifferenceAction, booked_minor: int | None, billed_minor: int | None
) -> int | None:
    """What a decision adds to the billed freight of the parcel; None: nothing.

    A credit brings what is billed back to what was booked, and to 0 where nothing is owed.
    """
    if billed_minor is None or action is _A.DISPUTE:
        return None
    if action is _A.ACCEPT:
        return None if kind in RECORDED else billed_minor
    if kind not in RECORDED:
        return None
    owed_minor = booked_minor or 0 if kind is DifferenceKind.AMOUNT else 0
    return owed_minor - billed_minor
