"""What a carrier tells: whatever the order and however often, the parcel ends in the same state."""

import itertools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shipping.shipments import ShipmentStatus, has_left, is_progress

S = ShipmentStatus
KNOWN = st.sampled_from(S)
FACTS = st.lists(st.sampled_from(S), max_size=8)


def after(known: S, facts: Iterable[S]) -> S:
    for reported in facts:
        known = reported if is_progress(known, reported) else known
    return known


@given(KNOWN, FACTS, st.data())
def test_order_and_repetition_do_not_matter(known: S, facts: list[S], data: st.DataObject) -> None:
    repeated = facts + data.draw(st.lists(st.sampled_from(facts), max_size=5)) if facts else facts
    assert after(known, data.draw(st.permutations(repeated))) == after(known, facts)


def test_three_facts_in_any_order_from_any_state() -> None:
    """Exhaustive for what the property above samples."""
    for known, facts in itertools.product(S, itertools.combinations_with_replacement(S, 3)):
        assert len({after(known, order) for order in itertools.permutations(facts)}) == 1


@given(KNOWN, KNOWN)
def test_nothing_is_news_twice_nor_both_ways(one: S, other: S) -> None:
    assert not is_progress(one, one)
    assert not (is_progress(one, other) and is_progress(other, one))


@given(KNOWN, KNOWN)
def test_a_parcel_that_left_never_comes_back(known: S, reported: S) -> None:
    if has_left(known) and is_progress(known, reported):
        assert has_left(reported)


@pytest.mark.parametrize("reported", S)
def test_delivered_and_cancelled_do_not_move(reported: S) -> None:
    assert not is_progress(S.DELIVERED, reported)
    assert not is_progress(S.CANCELLED, reported)
    assert not is_progress(reported, S.CANCELLED)


@pytest.mark.parametrize("known", [S.LOST, S.REFUSED])
def test_a_parcel_given_up_may_still_be_delivered(known: S) -> None:
    assert is_progress(known, S.DELIVERED)


def test_what_has_left_the_warehouse() -> None:
    assert {status for status in S if has_left(status)} == {
        S.PICKED_UP,
        S.IN_TRANSIT,
        S.DELIVERED,
        S.LOST,
        S.REFUSED,
    }
