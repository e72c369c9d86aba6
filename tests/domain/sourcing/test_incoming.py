"""Goods that are on their way: promised with their date, and to whoever waits first."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.sourcing.arrivals import ExpectedUnits
from domain.sourcing.backorder_dates import Expected, WaitingOrder, expected_days
from domain.sourcing.incoming import promised_later, unclaimed
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import DEFAULT_PROFILE
from domain.sourcing.request import Line, Network, SourcingRequest

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
TODAY = NOW.date()
CUT_OFF = NOW.replace(hour=16)
NEAR = Warehouse("NEAR", "CN", "a", "a", 1, ships_by=CUT_OFF)
FAR = Warehouse("FAR", "CN", "b", "b", 1, ships_by=CUT_OFF)
SKUS = st.sampled_from(["cup", "tea"])
ARRIVALS = st.lists(
    st.builds(ExpectedUnits, SKUS, st.sampled_from(["NEAR", "FAR"]), st.integers(1, 6),
              st.integers(-2, 20).map(lambda days: TODAY + timedelta(days=days))), max_size=6,
)  # fmt: skip
WAITING = st.lists(st.dictionaries(SKUS, st.integers(1, 6), min_size=1), max_size=5)


def due(days: int) -> date:
    return TODAY + timedelta(days=days)


def asked(units: int, **there: int) -> SourcingRequest:
    stock = {(code, "tea"): held for code, held in there.items()}
    return SourcingRequest((Line(1, "tea", units),), Network((NEAR, FAR), stock), Destination("CN", "a", "a"))


def test_the_earliest_complete_day_is_promised() -> None:
    arrivals = [ExpectedUnits("tea", "FAR", 9, due(3)), ExpectedUnits("tea", "NEAR", 9, due(8))]
    early = promised_later(asked(5, NEAR=2), arrivals, DEFAULT_PROFILE, NOW)
    assert early is not None and [part.warehouse for part in early.plan] == ["FAR"]
    assert early.plan[0].ships_by == CUT_OFF + timedelta(days=4)
    both = promised_later(asked(15, NEAR=2), arrivals, DEFAULT_PROFILE, NOW)
    assert both is not None and {part.warehouse: part.ships_by for part in both.plan} == {
        "NEAR": CUT_OFF + timedelta(days=9), "FAR": CUT_OFF + timedelta(days=4),
    }  # fmt: skip


def test_what_is_late_or_too_little_promises_nothing() -> None:
    late = [ExpectedUnits("tea", "NEAR", 9, due(-1))]
    assert promised_later(asked(5), late, DEFAULT_PROFILE, NOW) is None
    assert promised_later(asked(5), [ExpectedUnits("tea", "NEAR", 4, due(1))], DEFAULT_PROFILE, NOW) is None


def test_units_that_orders_wait_for_are_theirs() -> None:
    arrivals = [ExpectedUnits("tea", "NEAR", 4, due(9)), ExpectedUnits("tea", "NEAR", 3, due(2))]
    assert unclaimed(arrivals, {"tea": 5}) == [ExpectedUnits("tea", "NEAR", 2, due(9))]


def test_whoever_waits_first_has_it_first() -> None:
    waiting = [WaitingOrder("A", {"tea": 3}), WaitingOrder("B", {"tea": 3}), WaitingOrder("C", {"tea": 1})]
    arrivals = [ExpectedUnits("tea", "NEAR", 3, due(2)), ExpectedUnits("tea", "FAR", 2, due(5))]
    found = expected_days(waiting, {"tea": 1}, arrivals, TODAY)
    assert found == {"A": Expected(due(2), "NEAR"), "B": Expected(due(5), "FAR")}


@given(WAITING, ARRIVALS, st.dictionaries(SKUS, st.integers(0, 5)))
def test_no_unit_is_promised_twice(
    waiting: list[dict[str, int]], arrivals: list[ExpectedUnits], there: dict[str, int]
) -> None:
    orders = [WaitingOrder(f"O{n}", wanted) for n, wanted in enumerate(waiting)]
    found = expected_days(orders, there, arrivals, TODAY)
    for sku in ("cup", "tea"):
        units: Counter[date] = Counter()
        for order in orders:
            if order.order_no in found:
                units[found[order.order_no].day] += order.wanted.get(sku, 0)
        for day in units:
            supply = there.get(sku, 0) + sum(
                one.quantity for one in arrivals if one.sku == sku and TODAY <= one.expected_on <= day
            )
            assert sum(count for when, count in units.items() if when <= day) <= supply
