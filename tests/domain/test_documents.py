"""Credit notes add up to their invoice, tax to the cent, whatever the order of refunds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents import Amounts, Given, Line, amounts_of, credited, document_number, rest
from domain.errors import Conflict


def line(line_no: int, total: int, tax: int) -> Line:
    return Line(line_no, f"SKU-{line_no}", "Tea", 3, total, 0, tax, total)


@st.composite
def sales(draw: st.DrawFn) -> Amounts:
    """An invoice of some lines, tax within each."""
    totals = draw(st.lists(st.integers(1, 10_000), min_size=1, max_size=4))
    lines = [line(place, total, draw(st.integers(0, total))) for place, total in enumerate(totals, start=1)]
    return Amounts(lines, draw(st.integers(0, 2_000)))


@given(sales(), st.data())
def test_tax_goes_back_to_the_cent_whatever_the_steps(invoice: Amounts, data: st.DataObject) -> None:
    left = {one.line_no: one.total_minor for one in invoice.lines}
    notes: list[Amounts] = []
    for _ in range(data.draw(st.integers(0, 5))):
        part = {number: data.draw(st.integers(0, minor)) for number, minor in left.items()}
        before = [one for note in notes for one in note.lines]
        notes.append(credited(invoice, before, [Given(number, 1, minor, 0) for number, minor in part.items()]))
        left = {number: minor - part[number] for number, minor in left.items()}
        assert sum(note.tax_minor for note in notes) <= invoice.tax_minor
        assert all(0 <= one.tax_minor <= one.total_minor for note in notes for one in note.lines)
    notes.append(credited(invoice, [one for note in notes for one in note.lines], rest(invoice, notes)))
    assert sum(note.total_minor for note in notes) == invoice.total_minor
    assert sum(note.tax_minor for note in notes) == invoice.tax_minor
    assert sum(note.shipping_minor for note in notes) == invoice.shipping_minor


@given(sales())
def test_what_is_kept_is_read_back(invoice: Amounts) -> None:
    content = invoice.content()
    assert amounts_of(content) == invoice
    parts = content["items_minor"] - content["discount_minor"] + content["tax_added_minor"] + content["shipping_minor"]
    assert parts == content["total_minor"] == invoice.total_minor


def test_what_the_invoice_does_not_have_is_not_credited() -> None:
    with pytest.raises(Conflict, match="not_creditable"):
        credited(Amounts([line(1, 100, 0)], 0), [], [Given(1, 1, 10, 0), Given(2, 1, 10, 0)])


def test_numbers_as_people_type_them() -> None:
    assert document_number(" inv-2026-000001 ") == "INV-2026-000001"
    for typed in ("INV-2026-1", "INV-26-000001", "XX-2026-000001", "INV-2026-000001.pdf", "", "INV-2026-00000１"):
        assert document_number(typed) is None


def test_goods_that_took_the_place_of_others_are_credited_on_their_lines() -> None:
    invoice = Amounts([line(1, 100, 9), line(2, 50, 0)], 0)
    swapped = {3: [1], 4: [3, 2]}  # 3 instead of a part of 1, then 4 instead of 3 and of a part of 2
    note = credited(invoice, [line(1, 30, 2)], [Given(4, 2, 90, 0), Given(2, 1, 10, 0)], swapped)
    assert [(one.line_no, one.total_minor) for one in note.lines] == [(1, 70), (2, 30)]
    for back, known in (([Given(4, 2, 131, 0)], swapped), ([Given(4, 1, 1, 0)], {}), ([Given(3, 1, 1, 1)], swapped)):
        with pytest.raises(Conflict, match="not_creditable"):
            credited(invoice, [line(1, 30, 2)], back, known)
