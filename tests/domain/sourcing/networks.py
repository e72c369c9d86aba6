"""Requests to source: generated networks, stock and lines."""

from collections.abc import Sequence

from hypothesis import strategies as st

from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import Criterion, CriterionKind, Profile, Rate, Strategy
from domain.sourcing.request import Line, Network, Preferences, SourcingRequest

PLACES = st.sampled_from(["A", "B", "C"])
CODES = [f"W{n}" for n in range(7)]
SKUS = ["cup", "pot", "tea"]
WAREHOUSES = st.lists(
    st.builds(
        Warehouse, st.sampled_from(CODES), PLACES, PLACES, PLACES, st.integers(0, 3), active=st.just(True),
        load=st.integers(0, 9), capacity_left=st.none() | st.integers(0, 2), open_today=st.booleans(),
        buffer=st.integers(0, 1),
    ),
    max_size=7,
    unique_by=lambda one: one.code,
)  # fmt: skip
AVAILABLE = st.dictionaries(st.tuples(st.sampled_from(CODES), st.sampled_from(SKUS)), st.integers(0, 6), max_size=21)
LINES = st.lists(st.tuples(st.sampled_from(SKUS), st.integers(1, 5), st.integers(0, 3000)), min_size=1, max_size=5)
RATES = st.builds(Rate, st.integers(0, 2000), st.integers(0, 900))
KINDS = st.lists(st.sampled_from(list(CriterionKind)), min_size=1, max_size=4, unique=True)


def lines(drawn: Sequence[tuple[str, int, int]]) -> tuple[Line, ...]:
    """Lines 1, 2, …; the weight belongs to the SKU."""
    weights = {sku: weight for sku, _, weight in drawn}
    return tuple(Line(at, sku, units, weights[sku]) for at, (sku, units, _) in enumerate(drawn, 1))


@st.composite
def requests(draw: st.DrawFn) -> SourcingRequest:
    """An order to source."""
    network = Network(tuple(draw(WAREHOUSES)), draw(AVAILABLE))
    preferences = Preferences(draw(st.booleans()), draw(st.none() | st.integers(1, 3)))
    to = Destination(draw(PLACES), draw(PLACES), draw(PLACES))
    return SourcingRequest(lines(draw(LINES)), network, to, preferences)


@st.composite
def profiles(draw: st.DrawFn, exclude: bool = True) -> Profile:
    """One strategy with some criteria."""
    below = st.sampled_from([0.0, 0.0, 0.5]) if exclude else st.just(0.0)
    criteria = tuple(Criterion(kind, draw(st.integers(1, 100)), draw(below)) for kind in draw(KINDS))
    strategy = Strategy("s", criteria, split_points=draw(st.sampled_from([1, 20, 1000])), max_fulfilments=3)
    rates = (draw(RATES), draw(RATES), draw(RATES), draw(RATES))
    return Profile((strategy,), rates)
