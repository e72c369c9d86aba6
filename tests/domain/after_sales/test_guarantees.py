"""What is claimed of a guarantee, and that every status is reached and left as it must be."""

import pytest

from domain.after_sales.guarantees import DUE, GUARANTEE_TRANSITIONS, GuaranteeStatus, claim_of


@pytest.mark.parametrize(
    ("amount", "shortfall", "step", "claim"),
    [
        (100, 30, 1, 30),
        (100, 130, 1, 100),
        (100, 0, 1, 0),
        (100, -5, 1, 0),
        # A provider that moves multiples of ten.
        (100, 37, 10, 30),
        (100, 9, 10, 0),
    ],
)
def test_no_more_is_claimed_than_is_missing_and_can_be_moved(
    amount: int, shortfall: int, step: int, claim: int
) -> None:
    assert claim_of(amount, shortfall, step) == claim


def test_every_status_is_reached_and_what_is_due_can_be_done() -> None:
    reached = {GuaranteeStatus.WANTED}.union(*GUARANTEE_TRANSITIONS.values())
    assert reached == set(GUARANTEE_TRANSITIONS) == set(GuaranteeStatus)
    assert all(GUARANTEE_TRANSITIONS[status] for status in DUE)
