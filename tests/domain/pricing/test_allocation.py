"""Shares are frozen at placement; any order of refunds adds up to the cent and never above."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Conflict, RuleBroken
from domain.pricing import allocation
from domain.pricing.allocation import Charges, PricingTerms, RefundableLine, Returned, Tax, priced

VALUES = st.lists(st.integers(0, 10**6), min_size=1, max_size=8)
TAXES = st.builds(Tax, st.integers(0, 3000), st.booleans())


@st.composite
def charged(draw: st.DrawFn) -> tuple[list[int], Charges]:
    values = draw(VALUES)
    discount = draw(st.integers(0, sum(values)))
    return values, Charges(discount, draw(st.integers(0, 10**5)), draw(TAXES))


@given(charged())
def test_the_shares_of_the_lines_are_the_orders(given_: tuple[list[int], Charges]) -> None:
    values, charges = given_
    whole = priced(values, charges)
    for name in ("discount_minor", "shipping_minor", "tax_minor", "tax_added_minor"):
        assert sum(getattr(share, name) for share in whole.shares) == getattr(whole, name), name
    paid = [
        value - share.discount_minor + share.shipping_minor + share.tax_added_minor
        for value, share in zip(values, whole.shares, strict=True)
    ]
    assert sum(paid) == whole.total_minor
    assert all(share.discount_minor <= value for value, share in zip(values, whole.shares, strict=True))
    assert min(paid) >= 0


@pytest.mark.parametrize(
    ("tax", "base", "expected"),
    [
        (Tax(1300, True), 11_300, 1300),
        (Tax(1300, False), 10_000, 1300),
        (Tax(1300, True), 8500, 978),
        (Tax(5000, False), 1, 1),
        (Tax(0, False), 999, 0),
        (Tax(), 999, 0),
    ],
)
def test_tax_is_rounded_half_up(tax: Tax, base: int, expected: int) -> None:
    assert tax.of(base) == expected


def test_what_an_order_cannot_carry_is_refused() -> None:
    with pytest.raises(RuleBroken) as refused:
        priced([10, 5], Charges(discount_minor=16))
    assert refused.value.code == "discount_too_large"
    with pytest.raises(RuleBroken) as refused:
        priced([10**15], Charges(shipping_minor=1))
    assert refused.value.code == "total_out_of_range"


def test_a_gift_carries_its_shipping() -> None:
    assert [share.shipping_minor for share in priced([0, 0], Charges(shipping_minor=5)).shares] == [3, 2]


def test_shipping_is_free_from_a_value_and_what_is_named_goes_first() -> None:
    terms = PricingTerms(fee_minor=10, free_from_minor=100)
    assert terms.charges(99).shipping_minor == 10
    assert terms.charges(100).shipping_minor == 0
    assert terms.charges(100, discount_minor=1).shipping_minor == 10
    assert terms.charges(100, shipping_minor=7).shipping_minor == 7
    assert PricingTerms(fee_minor=10).charges(10**9).shipping_minor == 10


LINES = st.lists(
    st.builds(lambda q, g, s: (q, g, s), st.integers(1, 7), st.integers(0, 5000), st.integers(0, 300)),
    min_size=1,
    max_size=4,
).map(lambda rows: [RefundableLine(no, f"S{no}", *row) for no, row in enumerate(rows, 1)])


def given_back(line: RefundableLine, one: Returned) -> RefundableLine:
    """The line after the refund, as the database keeps it."""
    return replace(
        line,
        refunded_quantity=line.refunded_quantity + one.quantity,
        refunded_goods_minor=line.refunded_goods_minor + one.goods_minor,
        refunded_shipping_minor=line.refunded_shipping_minor + one.shipping_minor,
        goods_worth_minor=line.goods_worth_minor + one.goods_worth_minor,
        shipping_worth_minor=line.shipping_worth_minor + one.shipping_worth_minor,
    )


def taken_back(line: RefundableLine, one: Returned) -> RefundableLine:
    """The line once the refund was refused."""
    return given_back(line, Returned(one.line_no, one.sku, -one.quantity, -one.goods_minor, -one.shipping_minor,
                                     -one.goods_worth_minor, -one.shipping_worth_minor))  # fmt: skip


def is_its_part(given_minor: int, whole_minor: int, units: int, quantity: int) -> bool:
    """Whether `units` of `quantity` brought their part of the whole, within one minor unit."""
    return abs(given_minor * quantity - whole_minor * units) < quantity


def exchanged(line: RefundableLine, one: Returned) -> RefundableLine:
    """The line once other goods are given for the units."""
    return replace(line, exchanged_quantity=line.exchanged_quantity + one.quantity)


def moved(line: RefundableLine, one: Returned) -> RefundableLine:
    """The line once the units are changed for others of the same price."""
    return replace(
        line,
        quantity=line.quantity - one.quantity,
        goods_minor=line.goods_minor - one.goods_worth_minor,
        shipping_minor=line.shipping_minor - one.shipping_worth_minor,
        moved_quantity=line.moved_quantity + one.quantity,
        moved_goods_minor=line.moved_goods_minor + one.goods_worth_minor,
        moved_shipping_minor=line.moved_shipping_minor + one.shipping_worth_minor,
    )


@given(LINES, st.data())
def test_any_units_are_worth_their_part_whatever_went_before(lines: list[RefundableLine], data: st.DataObject) -> None:
    """Refunded, exchanged or changed for others, in whatever steps; all parts together are exactly the whole."""
    for begun in lines:
        line, goods, shipping = begun, 0, 0
        while line.units_left:
            leave = data.draw(st.sampled_from([given_back, exchanged, moved]))
            count = data.draw(st.integers(1, line.units_left))
            one = allocation.units(line, count, include_shipping=True, exchanged=leave is exchanged)
            assert is_its_part(one.goods_worth_minor, begun.goods_minor, count, begun.quantity)
            assert is_its_part(one.shipping_worth_minor, begun.shipping_minor, count, begun.quantity)
            assert (one.goods_minor, one.shipping_minor) == (one.goods_worth_minor, one.shipping_worth_minor)
            line, goods, shipping = leave(line, one), goods + one.goods_minor, shipping + one.shipping_minor
        assert (goods, shipping) == (begun.goods_minor, begun.shipping_minor)


@given(LINES, st.integers(0, 100), st.data())
def test_a_percentage_of_damaged_units_is_of_their_part(
    lines: list[RefundableLine], percent: int, data: st.DataObject
) -> None:
    for begun in lines:
        line = begun
        while line.units_left:
            count = data.draw(st.integers(1, line.units_left))
            damaged = data.draw(st.integers(1, count))
            whole, sound = (allocation.units(line, some, include_shipping=False) for some in (count, count - damaged))
            one = allocation.at_percent(whole, sound, line, percent)
            cut = one.goods_minor - sound.goods_minor
            assert is_its_part(cut, begun.goods_minor * percent, damaged, begun.quantity * 100)
            assert sound.goods_minor <= one.goods_minor <= whole.goods_minor
            line = given_back(line, one)


def test_the_first_units_do_not_take_what_the_others_are_worth() -> None:
    half = allocation.units(RefundableLine(1, "A", 1000, 1500, 0), 500, include_shipping=True)
    assert half.amount_minor == 750
    sent = allocation.units(RefundableLine(1, "B", 400, 10_000, 599), 200, include_shipping=True)
    assert (sent.goods_minor, sent.shipping_minor) == (5_000, 299)


def test_what_an_older_rule_gave_counts_and_nothing_is_given_twice() -> None:
    """Of 1,000 units for 15.00 the first 500 once brought 10.00."""
    line = RefundableLine(1, "A", 1000, 1500, 0, 500, 1000, 0, 1000, 0)
    given_: list[int] = []
    while line.units_left:
        one = allocation.units(line, 100, include_shipping=True)
        given_.append(one.goods_minor)
        line = given_back(line, one)
    assert given_ == [150, 150, 150, 50, 0]


@given(LINES, st.data())
def test_units_in_any_order_add_up_to_the_cent(lines: list[RefundableLine], data: st.DataObject) -> None:
    """Also when some of them are refused in between, whichever."""
    lines_ = {line.line_no: line for line in lines}
    open_ones: list[Returned] = []
    refusals = data.draw(st.integers(0, 4))
    while left := [line for line in lines_.values() if line.units_left]:
        line = data.draw(st.sampled_from(left))
        one = allocation.units(line, data.draw(st.integers(1, line.units_left)), include_shipping=True)
        assert min(one.goods_worth_minor, one.shipping_worth_minor) >= 0
        lines_[line.line_no] = given_back(line, one)
        if refusals and open_ones and data.draw(st.booleans()):
            refusals -= 1
            refused = open_ones.pop(data.draw(st.integers(0, len(open_ones) - 1)))
            lines_[refused.line_no] = taken_back(lines_[refused.line_no], refused)
        open_ones.append(one)
    for line in lines_.values():
        assert (line.goods_left_minor, line.shipping_left_minor) == (0, 0)


@given(LINES, st.data())
def test_amounts_and_units_mixed_never_give_more_than_was_paid(
    lines: list[RefundableLine], data: st.DataObject
) -> None:
    for _ in range(data.draw(st.integers(1, 8))):
        left = sum(line.goods_left_minor + line.shipping_left_minor for line in lines)
        if data.draw(st.booleans()):
            wanted = data.draw(st.integers(0, left))
            returned = allocation.amount(lines, wanted)
            assert sum(one.amount_minor for one in returned) == wanted
        else:
            some = [line for line in lines if line.units_left]
            returned = [
                allocation.units(
                    line, data.draw(st.integers(1, line.units_left)), include_shipping=data.draw(st.booleans())
                )
                for line in some
            ]
            worth = sum(one.amount_minor for one in returned)
            if worth and data.draw(st.booleans()):
                returned = allocation.reduced(returned, data.draw(st.integers(1, worth)))
        by_line = {one.line_no: one for one in returned}
        lines = [given_back(line, by_line[line.line_no]) if line.line_no in by_line else line for line in lines]
        for line in lines:
            assert line.goods_left_minor >= 0 and line.shipping_left_minor >= 0 and line.units_left >= 0
    left = sum(line.goods_left_minor + line.shipping_left_minor for line in lines)
    with pytest.raises(Conflict) as refused:
        allocation.amount(lines, left + 1)
    assert refused.value.code == "refund_exceeds_captured"


def test_goods_go_back_before_shipping() -> None:
    line = RefundableLine(1, "A", 2, 100, 10)
    (one,) = allocation.amount([line], 105)
    assert (one.goods_minor, one.shipping_minor) == (100, 5)
    assert allocation.units(line, 1, include_shipping=False).amount_minor == 50
    assert allocation.units(line, 1, include_shipping=True).amount_minor == 55


def test_what_was_given_before_is_not_given_again() -> None:
    line = RefundableLine(1, "A", 2, 100, 0, refunded_goods_minor=60)
    assert allocation.units(line, 1, include_shipping=False).amount_minor == 40
    assert allocation.units(line, 2, include_shipping=False).amount_minor == 40
    with pytest.raises(Conflict) as refused:
        allocation.units(line, 3, include_shipping=False)
    assert refused.value.code == "refund_exceeds_captured"


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from([1, 10, 100])), min_size=1, max_size=5), st.data())
def test_each_capture_gives_back_what_its_provider_can_move(
    captures: list[tuple[int, int]], data: st.DataObject
) -> None:
    steps = [step for _, step in captures]
    left = [many * step for many, step in captures]
    whole = max(steps)
    amount = data.draw(st.integers(0, sum(left) // whole)) * whole
    parts = allocation.allotted(amount, left, steps)
    assert sum(parts) == amount
    assert all(0 <= part <= room for part, room in zip(parts, left, strict=True))
    assert all(part % step == 0 for part, step in zip(parts, steps, strict=True))


def test_three_kinds_of_steps_leave_nothing_over() -> None:
    assert allocation.allotted(2700, [1800, 51, 850], [100, 1, 10]) == [1800, 50, 850]


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=5), st.data())
def test_captures_are_emptied_one_after_the_other(left: list[int], data: st.DataObject) -> None:
    amount = data.draw(st.integers(0, sum(left)))
    parts = allocation.allotted(amount, left)
    assert sum(parts) == amount
    assert all(0 <= part <= room for part, room in zip(parts, left, strict=True))
    touched = [i for i, part in enumerate(parts) if part]
    assert all(parts[i] == left[i] for i in range(touched[-1])) if touched else True
    with pytest.raises(Conflict):
        allocation.allotted(sum(left) + 1, left)
