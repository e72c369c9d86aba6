"""Order numbers: unique, in order of time, at most 20 characters, and no slip of the tongue passes for another."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.orders.order_no import (
    ALPHABET,
    EPOCH_MS,
    MIN_BEGINNING,
    beginning,
    check_symbol,
    named_in,
    new_order_no,
    normalise,
    span_of,
)

TIMES_MS = st.integers(EPOCH_MS, EPOCH_MS + 32**9 - 1)
RANDOMNESS = st.integers(0, 2**40 - 1)
NUMBERS = st.builds(new_order_no, TIMES_MS, RANDOMNESS)
SYMBOLS = st.sampled_from(ALPHABET)


def plain(number: str) -> str:
    return number.replace("-", "")


@given(NUMBERS)
def test_a_number_is_canonical_and_fits_its_column(number: str) -> None:
    assert len(number) == 20
    assert set(plain(number)) <= set(ALPHABET)
    assert [len(group) for group in number.split("-")] == [6, 6, 6]
    assert normalise(number) == number


def test_numbers_of_one_millisecond_differ() -> None:
    assert len({new_order_no(EPOCH_MS) for _ in range(20_000)}) == 20_000


@given(st.tuples(TIMES_MS, RANDOMNESS), st.tuples(TIMES_MS, RANDOMNESS))
def test_numbers_are_one_to_one(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (new_order_no(*one) == new_order_no(*other)) == (one == other)


@given(TIMES_MS, TIMES_MS, RANDOMNESS, RANDOMNESS)
def test_numbers_sort_by_time(earlier_ms: int, later_ms: int, one: int, other: int) -> None:
    earlier_ms, later_ms = sorted((earlier_ms, later_ms))
    if earlier_ms < later_ms:
        assert new_order_no(earlier_ms, one) < new_order_no(later_ms, other)


def test_a_clock_before_the_epoch_still_gives_a_number() -> None:
    assert normalise(new_order_no(0)) is not None


@given(NUMBERS)
def test_every_single_wrong_symbol_is_caught(number: str) -> None:
    digits = plain(number)
    for place, wrong in itertools.product(range(len(digits)), ALPHABET):
        if wrong != digits[place]:
            assert normalise(digits[:place] + wrong + digits[place + 1 :]) is None


@given(NUMBERS)
def test_every_swap_of_two_symbols_is_caught(number: str) -> None:
    """Neighbours or not, the check character among them or not."""
    digits = plain(number)
    for one, other in itertools.combinations(range(len(digits)), 2):
        swapped = list(digits)
        swapped[one], swapped[other] = digits[other], digits[one]
        if digits[one] != digits[other]:
            assert normalise("".join(swapped)) is None


def test_all_pairs_of_neighbours_are_distinguished_at_every_place() -> None:
    """Exhaustive, also for the last symbol and its check character."""
    for place, one, other in itertools.product(range(17), ALPHABET, ALPHABET):
        if one == other:
            continue
        body = ["0"] * 17
        body[place] = one
        if place == 16:
            check = check_symbol("".join(body))
            assert check == one or normalise("".join([*body[:16], check, one])) is None
        else:
            body[place + 1] = other
            swapped = [*body[:place], other, one, *body[place + 2 :]]
            assert check_symbol("".join(body)) != check_symbol("".join(swapped))


@given(NUMBERS, st.data())
def test_what_people_type_is_understood(number: str, data: st.DataObject) -> None:
    received = {"1": "1IiLl", "0": "0Oo"}
    spoken = "".join(
        data.draw(st.sampled_from(received.get(symbol, symbol + symbol.lower()))) for symbol in plain(number)
    )
    gaps = data.draw(st.lists(st.sampled_from(["", "-", " "]), min_size=18, max_size=18))
    typed = "".join(gap + symbol for gap, symbol in zip(gaps, spoken, strict=True))
    assert normalise(typed) == number


@given(st.text(max_size=40))
def test_any_text_gives_a_canonical_number_or_none(typed: str) -> None:
    number = normalise(typed)
    assert number is None or (len(number) == 20 and normalise(number) == number)


@given(st.text(alphabet=ALPHABET + "U!*€", max_size=40).filter(lambda typed: len(typed) != 18))
def test_another_length_is_no_number(typed: str) -> None:
    assert normalise(typed) is None


@given(NUMBERS, st.integers(1, 99))
def test_a_return_is_named_after_its_order(number: str, count: int) -> None:
    assert named_in(number) == named_in(f"{number}-R{count}") == number
    assert named_in(f"{number}-S{count}") is None


@given(TIMES_MS, st.integers(MIN_BEGINNING, 18))
def test_a_beginning_tells_between_which_times_it_was_made(now_ms: int, symbols: int) -> None:
    number = new_order_no(now_ms)
    first = beginning(plain(number)[:symbols].lower())
    assert first is not None and number.startswith(first)
    since, until = span_of(first)
    assert since <= datetime.fromtimestamp(now_ms // 1000, UTC) + timedelta(milliseconds=now_ms % 1000) < until


def test_what_no_number_begins_with_is_no_beginning() -> None:
    assert [beginning(typed) for typed in ("06B", "06BU", "王06B5", "0" * 19, "")] == [None] * 5
