"""What support may do with a stuck step, and which values fit: every step with every action."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.support.steps import STEPS, Action, Step, check_value, shape_of

POSSIBLE = [(step, action) for step in Step for action in STEPS[step].options]
IMPOSSIBLE = [pair for pair in itertools.product(Step, Action) if pair not in POSSIBLE]
SHAPED = [pair for pair in POSSIBLE if shape_of(*pair)]
UNSHAPED = [pair for pair in POSSIBLE if not shape_of(*pair)]


def fitting(step: Step, action: Action) -> dict[str, str]:
    value = dict.fromkeys(shape_of(step, action) or {}, "x")
    return {**value, "method": "store_credit"} if "method" in value else value


def test_a_refund_is_paid_in_no_other_way_than_those_that_are_named() -> None:
    why = check_value(Step.REFUND, Action.AMEND, {"method": "cash"})
    assert why == "amend at refund: method is one of store_credit"


def test_every_step_has_a_rule_in_words() -> None:
    assert set(STEPS) == set(Step)
    assert all(rule.words and rule.options for rule in STEPS.values())


@pytest.mark.parametrize("step", Step)
def test_a_shape_is_there_exactly_for_the_acts_that_need_one(step: Step) -> None:
    rule = STEPS[step]
    assert (rule.skip is not None) == (Action.SKIP in rule.options)
    assert bool(rule.amend) == (Action.AMEND in rule.options)
    assert len(set(rule.options)) == len(rule.options)


@pytest.mark.parametrize("pair", POSSIBLE)
def test_the_right_shape_fits(pair: tuple[Step, Action]) -> None:
    assert check_value(*pair, fitting(*pair) or None) is None


@pytest.mark.parametrize("pair", IMPOSSIBLE)
@pytest.mark.parametrize("value", [None, {}, {"reference": "x"}])
def test_an_impossible_act_is_refused_with_those_that_are_possible(pair: tuple[Step, Action], value: Any) -> None:
    why = check_value(*pair, value)
    assert why is not None
    assert all(option in why for option in STEPS[pair[0]].options)


@pytest.mark.parametrize("pair", UNSHAPED)
@pytest.mark.parametrize("value", [{"reference": "x"}, "x", 0, False, [], [1]])
def test_an_act_without_a_value_takes_none(pair: tuple[Step, Action], value: Any) -> None:
    assert check_value(*pair, None) is None
    assert check_value(*pair, {}) is None
    assert check_value(*pair, value) is not None


@pytest.mark.parametrize("pair", SHAPED)
def test_another_shape_is_refused_and_the_right_one_reported(pair: tuple[Step, Action]) -> None:
    right = fitting(*pair)
    first = next(iter(right))
    wrong: list[Any] = [None, {}, [], "x", {**right, "more": "x"}, {k: v for k, v in right.items() if k != first}]
    wrong += [{**right, first: bad} for bad in ("", "  ", "x" * 201, None, 1, ["x"])]
    for value in wrong:
        why = check_value(*pair, value)
        assert why is not None, value
        assert all(field in why for field in right)


@given(st.sampled_from(Step), st.sampled_from(Action), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
))  # fmt: skip
def test_any_value_gets_an_answer(step: Step, action: Action, value: Any) -> None:
    why = check_value(step, action, value)
    assert why is None or why
