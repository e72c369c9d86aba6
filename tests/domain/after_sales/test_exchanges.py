"""What an exchange costs: the old goods' value pays what it can, the rest goes back, and parts add up."""

from hypothesis import given
from hypothesis import strategies as st

from domain.after_sales.exchanges import exchanged, part_of_line
from domain.orders.lines import PricedLine
from domain.pricing.allocation import Charges, Tax, priced

LINES = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 50_000)), min_size=1, max_size=5)
TAXES = st.builds(Tax, st.integers(0, 3000), st.booleans())


@given(lines=LINES, value_minor=st.integers(0, 500_000), tax=TAXES)
def test_value_in_is_value_used_and_value_back(lines: list[tuple[int, int]], value_minor: int, tax: Tax) -> None:
    new = [PricedLine(f"S{n}", "x", quantity, price) for n, (quantity, price) in enumerate(lines)]
    whole = priced([line.total_minor for line in new], Charges(tax=tax)).total_minor

    got = exchanged(new, value_minor, tax)

    assert got.used_minor + got.rest_minor == value_minor
    assert got.used_minor + got.to_pay_minor == whole
    assert got.rest_minor >= 0 and got.used_minor >= 0
    assert got.to_pay_minor == 0 or got.rest_minor <= 1, "who pays gets no money back, but for a cent of rounding"
    assert sum(share.discount_minor for share in got.sums.shares) == got.sums.discount_minor
    assert sum(got.parts_minor) == got.used_minor and all(part >= 0 for part in got.parts_minor)


@given(lines=LINES, value_minor=st.integers(0, 500_000), tax=TAXES)
def test_what_is_paid_for_a_line_and_stands_behind_it_is_what_it_costs(
    lines: list[tuple[int, int]], value_minor: int, tax: Tax
) -> None:
    """With its tax, within the minor unit by which shares are rounded."""
    new = [PricedLine(f"S{n}", "x", quantity, price) for n, (quantity, price) in enumerate(lines)]
    values = [line.total_minor for line in new]
    got = exchanged(new, value_minor, tax)
    costs = priced(values, Charges(tax=tax)).shares
    for value, cost, share, part in zip(values, costs, got.sums.shares, got.parts_minor, strict=True):
        paid = value - share.discount_minor + share.tax_added_minor
        assert abs(paid + part - value - cost.tax_added_minor) <= 1


@given(
    exchanged_minor=st.integers(0, 100_000),
    parts=st.lists(st.integers(1, 9), min_size=1, max_size=6),
)
def test_any_parts_of_a_line_carry_all_that_stands_behind_it(exchanged_minor: int, parts: list[int]) -> None:
    quantity, before, carried = sum(parts), 0, 0
    for units in parts:
        part = part_of_line(exchanged_minor, quantity, before, units)
        assert part >= 0
        before, carried = before + units, carried + part
    assert carried == exchanged_minor
