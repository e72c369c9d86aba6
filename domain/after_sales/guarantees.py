"""Guarantees: the lifecycle of an authorisation that stands for goods which have not come back yet.

`GUARANTEE_TRANSITIONS` is the single source: the tests compare the database's guard with it.
"""

from collections.abc import Mapping
from enum import StrEnum


class GuaranteeStatus(StrEnum):
    """Status of a guarantee. `dropped` and `declined` were never authorised, `given_up` is settled outside."""

    WANTED = "wanted"
    AUTHORISED = "authorised"
    DECLINED = "declined"
    DROPPED = "dropped"
    RELEASE_DUE = "release_due"
    RELEASED = "released"
    CLAIM_DUE = "claim_due"
    CLAIMED = "claimed"
    GIVEN_UP = "given_up"


_S = GuaranteeStatus
GUARANTEE_TRANSITIONS: Mapping[GuaranteeStatus, frozenset[GuaranteeStatus]] = {
    _S.WANTED: frozenset({_S.AUTHORISED, _S.DECLINED, _S.DROPPED}),
    # The provider may authorise it late: then it is released.
    _S.DECLINED: frozenset({_S.RELEASE_DUE}),
    _S.DROPPED: frozenset({_S.RELEASE_DUE}),
    _S.AUTHORISED: frozenset({_S.RELEASE_DUE, _S.CLAIM_DUE}),
    # The goods may arrive before the capture begins: then the claim is withdrawn.
    _S.CLAIM_DUE: frozenset({_S.AUTHORISED, _S.RELEASE_DUE, _S.CLAIMED, _S.GIVEN_UP}),
    _S.RELEASE_DUE: frozenset({_S.RELEASED, _S.GIVEN_UP}),
    _S.RELEASED: frozenset(),
    _S.CLAIMED: frozenset(),
    _S.GIVEN_UP: frozenset(),
}
# A provider is to be asked for something.
DUE = frozenset({_S.WANTED, _S.RELEASE_DUE, _S.CLAIM_DUE})
# It came to nothing: an authorisation that succeeds all the same is released.
UNWANTED = frozenset({_S.DROPPED, _S.DECLINED})
# Its money is taken, or will be.
CLAIMING = frozenset({_S.CLAIM_DUE, _S.CLAIMED})
# The provider holds money that is to be claimed or released.
HELD = frozenset({_S.AUTHORISED, _S.RELEASE_DUE, _S.CLAIM_DUE})


def claim_of(amount_minor: int, shortfall_minor: int, step_minor: int) -> int:
    """What is claimed of a guarantee when the old goods are worth `shortfall_minor` less than the new ones used.

    It is at most the guarantee, and a multiple of what the provider can move; 0 releases the guarantee.
    """
    claim = min(shortfall_minor, amount_minor)
    return max(claim - claim % step_minor, 0)
