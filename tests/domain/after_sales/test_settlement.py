"""The settlement of a return: each unit is refunded once, and no cent is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.after_sales.returns import CONDITIONS, SHOPS_FAULT, Condition, Disposition, LineFinding, LinePieces, Reason
from domain.after_sales.settlement import (
    AdvanceBalance,
    RefundedUnits,
    advance_balance,
    as_new,
    found_units,
    is_approved_automatically,
    percent_of,
    refunded_units,
    units_by_disposition,
    value_of,
)
from domain.pricing import allocation
from domain.pricing.allocation import RefundableLine

C = Condition
QUANTITIES = st.integers(1, 9)
# One return after the other of the same line: how many units were found in which condition.
RETURNS = st.lists(st.lists(st.tuples(st.sampled_from(C), QUANTITIES), min_size=1, max_size=3), min_size=1, max_size=5)


def found(condition: Condition, quantity: int, line_no: int = 1, sku: str = "TEA") -> LineFinding:
    return LineFinding(line_no, sku, condition, quantity)


@pytest.mark.parametrize(
    ("condition", "checked", "disposition", "whole", "reduced"),
    [
        (C.AS_NEW, True, Disposition.ON_HAND, 2, 0),
        (C.AS_NEW, False, Disposition.QUARANTINE, 2, 0),
        (C.DAMAGED, True, Disposition.QUARANTINE, 0, 2),
        (C.DAMAGED, False, Disposition.QUARANTINE, 0, 2),
        (C.MISSING, True, None, 0, 0),
        (C.WRONG_ITEM, True, None, 0, 0),
        (C.LOST, True, None, 2, 0),
    ],
)
def test_the_condition_decides_shelf_and_refund(
    condition: Condition, checked: bool, disposition: Disposition | None, whole: int, reduced: int
) -> None:
    findings = [found(condition, 2)]
    assert units_by_disposition(findings, checked=checked) == ({("TEA", disposition): 2} if disposition else {})
    units = found_units(findings)
    assert (units.whole.get(1, 0), units.reduced.get(1, 0)) == (whole, reduced)
    assert units.together.get(1, 0) == whole + reduced
    requested = refunded_units(findings, {1: 2}, 40)
    assert requested == ((RefundedUnits(1, 2, 40 if reduced else 100),) if whole + reduced else ())


@pytest.mark.parametrize("reason", Reason)
def test_the_shop_pays_for_its_own_fault_in_full(reason: Reason) -> None:
    assert percent_of(reason, 30) == (100 if reason in SHOPS_FAULT else 30)


@pytest.mark.parametrize(
    ("worth", "limit", "approved"), [(0, 0, False), (1, 0, False), (0, 5, True), (5, 5, True), (6, 5, False)]
)
def test_a_return_up_to_the_limit_is_approved_automatically(worth: int, limit: int, approved: bool) -> None:
    assert is_approved_automatically(worth, limit) is approved


def test_whole_units_are_refunded_before_damaged_ones_and_none_twice() -> None:
    findings = [found(C.DAMAGED, 2), found(C.AS_NEW, 2), found(C.AS_NEW, 1, line_no=2)]
    requested = refunded_units(findings, {1: 3, 2: 0}, 50)
    assert requested == (RefundedUnits(1, 2), RefundedUnits(1, 1, 50))
    assert as_new([LinePieces(1, "TEA", 4), LinePieces(2, "TEA", 1)], {1: 3, 2: 0}) == (RefundedUnits(1, 3),)


@pytest.mark.parametrize(
    ("own", "funded", "refundable", "value"), [(5, 3, 10, 8), (5, 3, 7, 7), (0, 0, 10, 0), (5, 0, 0, 0)]
)
def test_old_goods_pay_no_more_than_is_left_of_their_orders(own: int, funded: int, refundable: int, value: int) -> None:
    assert value_of(own, funded, refundable) == value


@pytest.mark.parametrize(
    ("value", "used", "claimed", "balance"),
    [
        (10, 10, 0, AdvanceBalance(0, 0)),
        (12, 10, 0, AdvanceBalance(-2, 2)),
        (7, 10, 0, AdvanceBalance(3, 0)),
        (0, 10, 0, AdvanceBalance(10, 0)),
        # The guarantee was claimed before the goods arrived.
        (10, 10, 10, AdvanceBalance(0, 10)),
        (7, 10, 10, AdvanceBalance(3, 7)),
        (12, 10, 4, AdvanceBalance(-2, 4)),
    ],
)
def test_an_exchange_in_advance_is_balanced(value: int, used: int, claimed: int, balance: AdvanceBalance) -> None:
    assert advance_balance(value, used, claimed) == balance


@given(returns=RETURNS, goods_minor=st.integers(0, 100_000), percent=st.integers(0, 100))
def test_any_returns_of_a_line_refund_its_worth_to_the_cent(
    returns: list[list[tuple[Condition, int]]], goods_minor: int, percent: int
) -> None:
    """Line by line: what is refunded in full adds up to the line, and damaged units lose their percentage alone."""
    quantity = sum(count for each in returns for condition, count in each if CONDITIONS[condition].refunded)
    if not quantity:
        return
    line = RefundableLine(1, "TEA", quantity, goods_minor, 0)
    damaged = given_minor = 0
    for each in returns:
        findings = [found(condition, count) for condition, count in each]
        requested = refunded_units(findings, {1: line.units_left}, percent)
        assert sum(one.quantity for one in requested) == sum(found_units(findings).together.values())
        given_minor += refund(line, requested)
        damaged += sum(one.quantity for one in requested if one.percent < 100)
        line = after(line, sum(one.quantity for one in requested))
    assert line.units_left == 0 and line.goods.left_minor == 0, "all that the line was worth is accounted for"
    stored = goods_minor - given_minor
    exact = goods_minor * damaged * (100 - percent) / (100 * quantity)
    assert stored >= 0 and abs(stored - exact) <= 2 * len(returns)
    assert stored == 0 or damaged, "without damage no cent is kept"


def refund(line: RefundableLine, requested: tuple[RefundedUnits, ...]) -> int:
    """What is given for these units, as a refund gives it."""
    units = sum(one.quantity for one in requested)
    whole = allocation.units(line, units, include_shipping=False)
    reduced = [one for one in requested if one.percent < 100]
    if not reduced:
        return whole.goods_minor
    sound = allocation.units(line, units - sum(one.quantity for one in reduced), include_shipping=False)
    return allocation.at_percent(whole, sound, line, reduced[0].percent).goods_minor


def after(line: RefundableLine, units: int) -> RefundableLine:
    """The line once these units are refunded, at whatever they were worth."""
    worth = allocation.units(line, units, include_shipping=False).goods_worth_minor
    return RefundableLine(
        1, "TEA", line.quantity, line.goods_minor, 0, line.refunded_quantity + units,
        goods_worth_minor=line.goods_worth_minor + worth,
    )  # fmt: skip
