"""Shares of fulfilments: whatever ships together and in whichever order, all of them add up to the cent."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.payments.shipment_captures import CapturableLine, CaptureLine, FulfilmentCapture, due, is_awaited, share_of
from domain.payments.transactions import TransactionFacts
from tests.domain.payments.known import payment


@st.composite
def shipments(draw: st.DrawFn) -> tuple[list[CapturableLine], list[dict[int, int]]]:
    """Lines, and who ships how many units of which, in the order in which they leave."""
    lines = [
        CapturableLine(number, draw(st.integers(1, 12)), draw(st.integers(0, 100_000)), draw(st.integers(0, 2_000)))
        for number in range(1, draw(st.integers(1, 4)) + 1)
    ]
    parts: list[dict[int, int]] = [{} for _ in range(draw(st.integers(1, 5)))]
    for line in lines:
        for _ in range(line.quantity):
            part = draw(st.sampled_from(parts))
            part[line.line_no] = part.get(line.line_no, 0) + 1
    return lines, parts


def after(line: CapturableLine, taken: list[CaptureLine]) -> CapturableLine:
    """The line once these are captured."""
    for one in (one for one in taken if one.line_no == line.line_no):
        line = replace(
            line,
            captured_quantity=line.captured_quantity + one.quantity,
            captured_goods_minor=line.captured_goods_minor + one.goods_minor,
            captured_shipping_minor=line.captured_shipping_minor + one.shipping_minor,
        )
    return line


@given(shipments())
def test_shares_add_up_to_what_the_lines_cost(order: tuple[list[CapturableLine], list[dict[int, int]]]) -> None:
    lines, parts = order
    whole, taken = lines, 0
    for part in parts:
        share = share_of(lines, part)
        assert all(one.goods_minor >= 0 and one.shipping_minor >= 0 for one in share)
        taken += sum(one.amount_minor for one in share)
        lines = [after(line, share) for line in lines]
    assert taken == sum(line.goods_minor + line.shipping_minor for line in whole)


@given(shipments())
def test_units_are_captured_for_their_part_of_the_line_within_one_minor_unit(
    order: tuple[list[CapturableLine], list[dict[int, int]]],
) -> None:
    lines, parts = order
    for part in parts:
        share = share_of(lines, part)
        by_number = {line.line_no: line for line in lines}
        for one in share:
            line = by_number[one.line_no]
            assert abs(one.goods_minor * line.quantity - line.goods_minor * one.quantity) <= line.quantity
            assert abs(one.shipping_minor * line.quantity - line.shipping_minor * one.quantity) <= line.quantity
        lines = [after(line, share) for line in lines]


def test_units_that_were_captured_are_not_captured_again() -> None:
    line = CapturableLine(1, 3, 1000, 100, captured_quantity=3, captured_goods_minor=1000, captured_shipping_minor=100)
    assert share_of([line], {1: 2}) == [CaptureLine(1, 0, 0, 0)]


PART = FulfilmentCapture("X-F1", 1, shipped=True, cancelled=False, share_minor=None)
CAPTURED = payment(2, "capture", fulfilment_no=1)
STATES = {
    "it has left": (PART, [], True, True),
    "it has not left": (replace(PART, shipped=False), [], False, True),
    "it is given up": (replace(PART, shipped=False, cancelled=True), [], False, False),
    "it is captured": (PART, [CAPTURED], False, False),
    "its capture was refused": (PART, [payment(2, "capture", "failed", fulfilment_no=1)], True, True),
    "another is captured": (PART, [payment(2, "capture", fulfilment_no=2)], True, True),
    "its capture came too late": (PART, [payment(2, "capture", purpose="stray", fulfilment_no=1)], True, True),
    "its goods cost nothing": (replace(PART, share_minor=0), [], False, False),
}


@pytest.mark.parametrize(("part", "payments", "is_due", "awaited"), STATES.values(), ids=STATES.keys())
def test_a_part_is_captured_once_it_has_left(
    part: FulfilmentCapture, payments: list[TransactionFacts], is_due: bool, awaited: bool
) -> None:
    assert bool(due([part], payments)) is is_due
    assert is_awaited([part], payments) is awaited
