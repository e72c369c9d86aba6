"""Sourcing: only who holds everything, always the same answer, the nearest first."""

from hypothesis import given
from hypothesis import strategies as st

from domain.sourcing.candidates import candidates
from domain.sourcing.places import Destination, Warehouse, distance_class

PLACES = st.sampled_from(["A", "B"])
SKUS = ["tea", "cup", "pot"]
HOUSES = st.lists(
    st.builds(Warehouse, st.sampled_from([f"W{n}" for n in range(8)]), PLACES, PLACES, PLACES, st.integers(0, 3)),
    max_size=8,
    unique_by=lambda house: house.code,
)
WANTED = st.dictionaries(st.sampled_from(SKUS), st.integers(1, 5), min_size=1)
AVAILABLE = st.dictionaries(
    st.tuples(st.sampled_from([f"W{n}" for n in range(8)]), st.sampled_from(SKUS)), st.integers(0, 6)
)
TO = st.builds(Destination, PLACES, PLACES, PLACES)


@given(WANTED, AVAILABLE, HOUSES, TO)
def test_exactly_those_who_hold_everything_are_named(
    wanted: dict[str, int], available: dict[tuple[str, str], int], houses: list[Warehouse], to: Destination
) -> None:
    named = candidates(wanted, available, houses, to)
    able = {
        house.code for house in houses if not any(available.get((house.code, sku), 0) < n for sku, n in wanted.items())
    }
    assert set(named) == able
    assert len(named) == len(able)


@given(WANTED, AVAILABLE, HOUSES, TO, st.randoms(use_true_random=False))
def test_the_answer_does_not_depend_on_the_order_of_the_input(
    wanted: dict[str, int],
    available: dict[tuple[str, str], int],
    houses: list[Warehouse],
    to: Destination,
    chance: object,
) -> None:
    shuffled = list(houses)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    mixed = dict(reversed(list(available.items())))
    assert candidates(wanted, available, houses, to) == candidates(wanted, mixed, iter(shuffled), to)


@given(WANTED, AVAILABLE, HOUSES, TO)
def test_nearer_comes_first_then_priority_then_code(
    wanted: dict[str, int], available: dict[tuple[str, str], int], houses: list[Warehouse], to: Destination
) -> None:
    by_code = {house.code: house for house in houses}
    ranks = [
        (distance_class(by_code[code], to), by_code[code].priority, code)
        for code in candidates(wanted, available, houses, to)
    ]
    assert ranks == sorted(ranks)


def test_a_city_of_the_same_name_elsewhere_is_far_away() -> None:
    to = Destination("CN", "吉林省", "吉林市")
    assert distance_class(Warehouse("W", "CN", "吉林省", "吉林市", 1), to) == 0
    assert distance_class(Warehouse("W", "CN", "吉林省", "长春市", 1), to) == 1
    assert distance_class(Warehouse("W", "CN", "辽宁省", "吉林市", 1), to) == 2
    assert distance_class(Warehouse("W", "KR", "吉林省", "吉林市", 1), to) == 3


def test_two_halves_do_not_make_a_whole() -> None:
    houses = [Warehouse("W1", "CN", "a", "a", 1), Warehouse("W2", "CN", "a", "a", 2)]
    to = Destination("CN", "a", "a")
    assert candidates({"tea": 2}, {("W1", "tea"): 1, ("W2", "tea"): 1}, houses, to) == []
    assert candidates({"tea": 1, "cup": 1}, {("W1", "tea"): 9, ("W2", "cup"): 9}, houses, to) == []
