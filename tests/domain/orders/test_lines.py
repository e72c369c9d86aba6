"""What may be ordered and what it costs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import RuleBroken
from domain.money import MAX_MINOR
from domain.orders.lines import MAX_QUANTITY, PricedLine, Product, RequestedLine, price_lines, wanted_units

CATALOGUE = {
    "tea": Product("tea", "Tea", 1250, "CNY", True),
    "cup": Product("cup", "Cup", 0, "CNY", True),
    "old": Product("old", "Old", 100, "CNY", False),
    "eur": Product("eur", "Eur", 100, "EUR", True),
}
LINES = st.lists(
    st.builds(RequestedLine, st.sampled_from(["tea", "cup"]), st.integers(1, MAX_QUANTITY)), min_size=1, max_size=9
)


def refused(line: RequestedLine, *, may_name_price: bool = False) -> RuleBroken:
    with pytest.raises(RuleBroken) as broken:
        price_lines([RequestedLine("tea", 1), line], CATALOGUE, "CNY", may_name_price=may_name_price)
    return broken.value


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (RequestedLine("none", 1), "unknown_sku"),
        (RequestedLine("old", 1), "product_inactive"),
        (RequestedLine("eur", 1), "currency_mismatch"),
        (RequestedLine("tea", 1, 1), "price_not_accepted"),
        (RequestedLine("tea", 1, 0), "price_not_accepted"),
    ],
)
def test_what_cannot_be_priced_is_refused_by_code(line: RequestedLine, code: str) -> None:
    error = refused(line)
    assert error.code == code
    assert error.detail


def test_a_total_out_of_range_is_refused_at_the_first_unit_beyond() -> None:
    line = RequestedLine("tea", 1, MAX_MINOR - 1250)
    assert len(price_lines([RequestedLine("tea", 1), line], CATALOGUE, "CNY", may_name_price=True)) == 2
    assert refused(RequestedLine("tea", 1, MAX_MINOR - 1249), may_name_price=True).code == "total_out_of_range"


@given(LINES)
def test_the_catalogue_decides_the_price(lines: list[RequestedLine]) -> None:
    priced = price_lines(lines, CATALOGUE, "CNY", may_name_price=False)
    assert [(line.sku, line.quantity) for line in priced] == [(line.sku, line.quantity) for line in lines]
    assert all(line.unit_price_minor == CATALOGUE[line.sku].price_minor for line in priced)
    assert all(line.total_minor == line.quantity * line.unit_price_minor for line in priced)


def test_a_channel_may_name_a_price_even_zero() -> None:
    lines = [RequestedLine("tea", 2, 0), RequestedLine("tea", 1)]
    priced = price_lines(lines, CATALOGUE, "CNY", may_name_price=True)
    assert priced == [PricedLine("tea", "Tea", 2, 0), PricedLine("tea", "Tea", 1, 1250)]


@given(LINES)
def test_units_of_one_sku_are_summed_in_order_of_sku(lines: list[RequestedLine]) -> None:
    wanted = wanted_units(lines)
    assert list(wanted) == sorted(wanted)
    assert sum(wanted.values()) == sum(line.quantity for line in lines)
    for sku, units in wanted.items():
        assert units == sum(line.quantity for line in lines if line.sku == sku)
