"""Money: bounded integers of one currency, and sharing that loses nothing."""

import itertools
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.currencies import _OTHERS, _TWO, EXPONENTS
from domain.money import MAX_MINOR, Money, minor_of, share_out, written

CODES = f"{_TWO} {' '.join(_OTHERS.values())}".split()
TOTALS = st.integers(-MAX_MINOR, MAX_MINOR)
WEIGHTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=30).filter(any)


@given(TOTALS, WEIGHTS)
def test_parts_add_up(total: int, weights: list[int]) -> None:
    assert sum(share_out(total, weights)) == total


@given(TOTALS, WEIGHTS)
def test_each_part_is_within_one_unit_of_its_exact_share(total: int, weights: list[int]) -> None:
    for part, weight in zip(share_out(total, weights), weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@given(TOTALS, WEIGHTS)
def test_a_debt_is_shared_like_a_gain(total: int, weights: list[int]) -> None:
    assert share_out(-total, weights) == [-part for part in share_out(total, weights)]


@given(TOTALS, WEIGHTS)
def test_nothing_falls_on_a_weight_of_zero(total: int, weights: list[int]) -> None:
    assert all(part == 0 for part, weight in zip(share_out(total, weights), weights, strict=True) if weight == 0)


@given(TOTALS, st.lists(st.integers(1, 10**9), min_size=2, max_size=30))
def test_a_larger_weight_never_gets_a_smaller_part(total: int, weights: list[int]) -> None:
    parts = sorted(zip(weights, map(abs, share_out(total, weights)), strict=True))
    for (light, less), (heavy, more) in itertools.pairwise(parts):
        assert light == heavy or less <= more


def test_the_earlier_part_wins_a_tie() -> None:
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]
    assert share_out(-100, [1, 1, 1]) == [-34, -33, -33]
    assert share_out(2, [1, 1, 1]) == [1, 1, 0]


def test_nothing_is_shared_among_nobody() -> None:
    assert share_out(0, []) == []
    assert share_out(0, [0, 0]) == [0, 0]


@pytest.mark.parametrize(("total", "weights"), [(1, []), (1, [0, 0]), (0, [-1, 1]), (5, [3, -1])])
def test_impossible_weights_are_refused(total: int, weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        share_out(total, weights)


@given(st.integers(-(MAX_MINOR // 2), MAX_MINOR // 2), st.integers(-(MAX_MINOR // 2), MAX_MINOR // 2))
def test_amounts_of_one_currency_add(one: int, other: int) -> None:
    assert Money(one, "CNY") + Money(other, "CNY") == Money(one + other, "CNY")


def test_amounts_of_two_currencies_do_not_add() -> None:
    with pytest.raises(ValueError, match="two currencies"):
        Money(1, "CNY") + Money(1, "EUR")


@pytest.mark.parametrize("currency", ["", "cny", "CN", "CNYX", "C1Y", "CNY "])
def test_a_currency_has_three_capitals(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        Money(1, currency)


@pytest.mark.parametrize("minor", [MAX_MINOR + 1, -MAX_MINOR - 1])
def test_amounts_are_bounded(minor: int) -> None:
    with pytest.raises(ValueError, match="range"):
        Money(minor, "CNY")


def test_grouped_amounts_have_a_comma_every_three_digits() -> None:
    assert written(-123456789, "CNY", grouped=True) == "-1,234,567.89"
    assert written(1234567, "JPY", grouped=True) == "1,234,567"
    assert written(-5, "KWD", grouped=True) == "-0.005"


def test_exponents_are_those_of_iso_4217() -> None:
    assert len(EXPONENTS) == len([*CODES]), "each code is listed once"
    by_digits = {digits: {code for code, current in EXPONENTS.items() if current == digits} for digits in (0, 3, 4)}
    assert {digits: " ".join(sorted(codes)) for digits, codes in by_digits.items()} == {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }
    assert all(EXPONENTS[code] == 2 for code in ("HUF", "IDR", "COP", "MGA", "USD", "CNY", "EUR"))
    assert not {"XXX", "XTS", "XAU", "ZWL", "HRK", "ABC"} & {*EXPONENTS}


@pytest.mark.parametrize("currency", ["JPY", "CNY", "KWD", "CLF"])
@given(minor=st.integers(0, 10**12))
def test_what_is_written_is_read_as_the_same_amount(currency: str, minor: int) -> None:
    assert minor_of(written(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("typed", "currency", "sentence"),
    [
        ("58.5", "XOF", "an amount in XOF is a whole number like 1250, without decimals"),
        ("1.234", "CNY", "an amount in CNY is a number like 12.50, with at most 2 decimals"),
        ("1.2345", "KWD", "an amount in KWD is a number like 12.500, with at most 3 decimals"),
        ("1.00001", "CLF", "an amount in CLF is a number like 12.5000, with at most 4 decimals"),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused_with_a_sentence(
    typed: str, currency: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        minor_of(typed, currency)


@pytest.mark.parametrize(
    ("money", "page"),
    [
        (Money(123456, "CNY"), "¥1,234.56"),
        (Money(-5, "CNY"), "-¥0.05"),
        (Money(0, "EUR"), "€0.00"),
        (Money(-1234, "JPY"), "-JP¥1,234"),
        (Money(1234567, "KWD"), "1,234.567 KWD"),
        (Money(1234567, "CLF"), "123.4567 CLF"),
        (Money(10000, "XOF"), "10,000 XOF"),
        (Money(1, "HUF"), "0.01 HUF"),
        (Money(150, "XXX"), "1.50 XXX"),
    ],
)
def test_amounts_are_shown_with_their_currencys_digits(money: Money, page: str) -> None:
    assert str(money) == page


@pytest.mark.parametrize(
    ("typed", "currency", "minor"),
    [("12", "CNY", 1200), ("12.5", "CNY", 1250), ("12,50", "CNY", 1250), ("0.01", "CNY", 1), ("7", "JPY", 7),
     ("1.234", "KWD", 1234), ("58", "XOF", 58), ("1.5", "CLF", 15000), ("0,0001", "UYW", 1)],
)  # fmt: skip
def test_an_amount_is_read_as_people_write_it(typed: str, currency: str, minor: int) -> None:
    assert minor_of(typed, currency) == minor


@pytest.mark.parametrize("typed", ["", "-1", "1.", ".5", "1.005", "1 000", "1e3", "١", "9" * 14])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        minor_of(typed, "CNY")
