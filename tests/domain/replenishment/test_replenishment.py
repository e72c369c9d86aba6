"""Replenishment: formulas against published figures, demand that stock-outs do not cut short, and quantities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.replenishment import formulas
from domain.replenishment.croston import croston_sba, is_intermittent
from domain.replenishment.demand import DemandHistory, DemandPattern, estimated, observed
from domain.replenishment.policy import MAX_UNITS, Policy, Position, ReplenishmentRule, policy_of


def test_safety_stock_and_reorder_point_are_those_of_the_textbook() -> None:
    deviation = formulas.lead_time_deviation(50, 5, 6, 2)
    assert deviation == pytest.approx(100.747, abs=5e-4)
    assert formulas.safety_stock(0.9, deviation) == pytest.approx(129.11, abs=5e-3)
    assert formulas.reorder_point(0.9, 50, 5, 6, 2) == pytest.approx(429.11, abs=5e-3)
    assert formulas.reorder_point(0.9, 2500, 500, 6) == pytest.approx(16_569.57, abs=5e-3)


def test_the_economic_order_and_the_newsvendor_are_those_of_the_textbook() -> None:
    assert formulas.economic_order_quantity(8, 0.225, 1300) == pytest.approx(304.047, abs=5e-4)
    assert formulas.newsvendor_quantity(0.18, 0.70, 50, 8) == pytest.approx(56.604, abs=5e-4)


def test_croston_smooths_sizes_and_intervals() -> None:
    # Demands 5, 3 and 4 after 3, 2 and 4 days: sizes 5, 4.8, 4.72; intervals 3, 2.9, 3.01.
    assert croston_sba([0, 0, 5, 0, 3, 0, 0, 0, 4, 0]) == pytest.approx(0.95 * 4.72 / 3.01)
    assert croston_sba([0] * 9) == 0.0 and croston_sba([]) == 0.0
    assert croston_sba([7] * 20) == pytest.approx(0.95 * 7)


def test_demand_is_intermittent_from_the_published_cut_off() -> None:
    assert is_intermittent([1, 0, 0, 1, 0, 0]) and not is_intermittent([0] * 6)
    assert not is_intermittent([1] * 100 + [0] * 31) and is_intermittent([1] * 100 + [0] * 32)


def test_days_without_stock_and_without_orders_are_no_demand_of_zero() -> None:
    history = DemandHistory(7, [(0, 4), (1, 4), (3, 6), (5, 4)], out_of_stock=[(2, 4)])
    assert observed(history) == [4, 4, 6, 4, 0]
    # Sales cut short by the stock-out would say 18 in 7 days.
    assert estimated(history).per_day == pytest.approx(18 / 5)


def test_a_backorder_during_a_stock_out_is_demand() -> None:
    assert estimated(DemandHistory(3, [(1, 9)], out_of_stock=[(-5, 99)])).per_day == 9.0
    assert estimated(DemandHistory(3, [], out_of_stock=[(0, 2)])).pattern is DemandPattern.NONE


def test_the_estimate_has_the_deviation_of_the_sample() -> None:
    found = estimated(DemandHistory(4, [(0, 2), (1, 4), (2, 4), (3, 6)]))
    assert (found.per_day, found.pattern, found.days) == (4, DemandPattern.SMOOTH, 4)
    assert found.deviation == pytest.approx((8 / 3) ** 0.5)


def test_lead_time_and_review_period_are_covered() -> None:
    steady = estimated(DemandHistory(10, [(day, 10) for day in range(10)]))
    found = policy_of(steady, ReplenishmentRule(lead_time_days=6, review_days=4, lead_time_deviation_days=2))
    # z(0.95) × 10 × 2 = 32.9
    assert found == Policy(safety_stock=33, reorder_point=133, lot=40, pack_size=1)


def test_orders_are_lots_in_whole_packs_up_to_the_reorder_point() -> None:
    policy = Policy(safety_stock=5, reorder_point=100, lot=30, pack_size=12)
    assert [policy.quantity(position) for position in (101, 100, 71, 70, 0, -20)] == [0, 0, 36, 36, 108, 120]


def test_without_demand_only_what_orders_wait_for_is_bought() -> None:
    policy = policy_of(estimated(DemandHistory(30, [])), ReplenishmentRule(min_order=6, pack_size=5))
    assert [policy.quantity(position) for position in (3, 0, -1, -9)] == [0, 0, 10, 10]


def test_costs_that_are_known_make_the_order_economic() -> None:
    steady = estimated(DemandHistory(10, [(day, 4) for day in range(10)]))
    costs = ReplenishmentRule(order_cost_minor=800, holding_cost_minor=25)
    assert policy_of(steady, costs).lot == round((2 * 800 * 4 * 365 / 25) ** 0.5)


def test_the_position_counts_what_is_coming_and_what_is_promised() -> None:
    assert Position(on_hand=20, reserved=5, safety_stock=3, incoming=8, waiting=4).units == 16


_DAYS = st.lists(st.integers(0, 10**6), max_size=400)


@given(_DAYS, st.floats(0.5, 0.9999), st.floats(0, 365), st.floats(0, 365), st.integers(-(10**9), 10**9))
def test_any_history_gives_a_quantity_that_can_be_ordered(
    days: list[int], level: float, lead: float, spread: float, position: int
) -> None:
    demand = estimated(DemandHistory(len(days), [(day, units) for day, units in enumerate(days) if units]))
    rule = ReplenishmentRule(service_level=level, lead_time_days=lead, lead_time_deviation_days=spread, pack_size=7)
    policy = policy_of(demand, rule)
    quantity = policy.quantity(position)
    assert 0 <= quantity <= MAX_UNITS and quantity % 7 == 0
    assert quantity == MAX_UNITS // 7 * 7 or position + quantity >= policy.reorder_point
    assert policy.quantity(position + quantity) == 0 or quantity == MAX_UNITS // 7 * 7, "nothing is ordered twice"
