"""What is due on a guarantee, as a table."""

import pytest

from domain.after_sales.guarantee_operations import is_due, operation_due
from domain.after_sales.guarantees import GuaranteeStatus as G
from domain.after_sales.returns import ReturnStatus as R

TABLE: dict[str, tuple[G, R, bool, str | None]] = {
    "offered, the return is not approved": (G.WANTED, R.REQUESTED, False, None),
    "offered, the return is approved": (G.WANTED, R.APPROVED, False, "guarantee"),
    "offered, the goods are on their way": (G.WANTED, R.IN_TRANSIT, True, "guarantee"),
    "offered, the goods are here": (G.WANTED, R.RECEIVED, True, None),
    "stands for the goods": (G.AUTHORISED, R.IN_TRANSIT, True, None),
    "the goods came": (G.RELEASE_DUE, R.RECEIVED, True, "guarantee_release"),
    "the goods did not come": (G.CLAIM_DUE, R.EXPIRED, True, "guarantee_claim"),
    "dropped before anybody was asked": (G.DROPPED, R.CANCELLED, False, None),
    "dropped, authorised all the same": (G.DROPPED, R.CANCELLED, True, "guarantee_release"),
    "declined, then authorised late": (G.DECLINED, R.APPROVED, True, "guarantee_release"),
    "released": (G.RELEASED, R.COMPLETED, True, None),
    "claimed": (G.CLAIMED, R.EXPIRED, True, None),
    "settled outside": (G.GIVEN_UP, R.RECEIVED, True, None),
}


@pytest.mark.parametrize("name", TABLE)
def test_what_is_due_on_a_guarantee(name: str) -> None:
    status, return_status, requested, expected = TABLE[name]
    due = operation_due("rt_1", status, return_status, authorisation_requested=requested)
    assert (due.operation if due else None) == expected
    assert due is None or due.unwanted == (status in (G.DROPPED, G.DECLINED))


@pytest.mark.parametrize("name", TABLE)
def test_something_stays_due_while_the_goods_are_not_inspected(name: str) -> None:
    """An authorisation that cannot be asked for yet, or no more until the goods are inspected, is not done."""
    status, _, asked, expected = TABLE[name]
    assert is_due(status, authorisation_requested=asked) == (expected is not None or status is G.WANTED)
