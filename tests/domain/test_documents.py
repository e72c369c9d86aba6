"""Credit notes add up to their invoice, tax to the cent, whatever the order of refunds."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents import Amounts, Given, InvoiceLine, Replaced, amounts_of, credited, document_number, rest_credited
from domain.errors import Conflict
from domain.pricing import allocation


def line(line_no: int, total: int, tax: int) -> InvoiceLine:
    return InvoiceLine(line_no, f"SKU-{line_no}", "Tea", 3, total, 0, tax, total)


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
        notes.append(credited(invoice, notes, [Given(number, 1, minor, 0) for number, minor in part.items()]))
        left = {number: minor - part[number] for number, minor in left.items()}
        assert sum(note.tax_minor for note in notes) <= invoice.tax_minor
        assert all(0 <= one.tax_minor <= one.total_minor for note in notes for one in note.lines)
    notes.append(rest_credited(invoice, notes))
    assert sum(note.total_minor for note in notes) == invoice.total_minor
    assert sum(note.tax_minor for note in notes) == invoice.tax_minor
    assert sum(note.shipping_minor for note in notes) == invoice.shipping_minor


@st.composite
def sold(draw: st.DrawFn) -> Amounts:
    """An invoice of pieces with a discount, a shipping charge and tax, within prices or on top of them."""
    included = draw(st.booleans())
    lines = []
    for number in range(1, draw(st.integers(1, 3)) + 1):
        quantity, price = draw(st.integers(1, 9)), draw(st.integers(1, 2_000))
        goods = quantity * price - draw(st.integers(0, quantity * price - 1))
        tax = goods * draw(st.integers(0, 30)) // 100
        total = goods if included else goods + tax
        lines.append(InvoiceLine(number, f"S{number}", "Tea", quantity, price, quantity * price - goods, tax, total))
    return Amounts(lines, draw(st.integers(0, 900)))


@given(sold(), st.data())
def test_a_credit_note_adds_up_and_takes_back_what_pieces_carry(invoice: Amounts, data: st.DataObject) -> None:
    """Of pieces at their worth, in any steps, price, discount and tax: within one minor unit each."""
    left = {
        line.line_no: allocation.RefundableLine(line.line_no, line.sku, line.quantity, line.total_minor, 0)
        for line in invoice.lines
    }
    notes: list[Amounts] = []
    while standing := [line for line in left.values() if line.units_left]:
        back = []
        for line in data.draw(st.lists(st.sampled_from(standing), min_size=1, unique_by=lambda one: one.line_no)):
            one = allocation.units(line, data.draw(st.integers(1, line.units_left)), include_shipping=False)
            back.append(Given(one.line_no, one.quantity, one.goods_minor, 0))
            left[line.line_no] = replace(
                line,
                refunded_quantity=line.refunded_quantity + one.quantity,
                refunded_goods_minor=line.refunded_goods_minor + one.goods_minor,
                goods_worth_minor=line.goods_worth_minor + one.goods_worth_minor,
            )
        note = credited(invoice, notes, back)
        notes.append(note)
        adds_up(note)
        for credit in note.lines:
            whole = invoice.lines[credit.line_no - 1]
            for name, slack in (
                ("total_minor", 1),
                ("tax_minor", 1),
                ("discount_minor", 2 if whole.tax_added_minor else 1),
            ):
                off = getattr(credit, name) * whole.quantity - getattr(whole, name) * credit.quantity
                assert abs(off) < slack * whole.quantity, (name, credit, whole)
    for name in ("items_minor", "discount_minor", "tax_minor", "tax_added_minor"):
        assert sum(note.content()[name] for note in notes) == invoice.content()[name], name


def adds_up(note: Amounts) -> None:
    content = note.content()
    parts = content["items_minor"] - content["discount_minor"] + content["tax_added_minor"] + content["shipping_minor"]
    assert parts == content["total_minor"]
    assert content["tax_added_minor"] in (0, content["tax_minor"])
    for line in note.lines:
        assert line.quantity * line.unit_price_minor - line.discount_minor + line.tax_added_minor == line.total_minor


@given(sold(), st.data())
def test_money_without_pieces_is_a_discount_that_is_given_later(invoice: Amounts, data: st.DataObject) -> None:
    line = data.draw(st.sampled_from(invoice.lines))
    note = credited(invoice, [], [Given(line.line_no, 0, data.draw(st.integers(1, line.total_minor)), 0)])
    adds_up(note)
    assert (note.content()["items_minor"], note.content()["discount_minor"] <= 0) == (0, True)
    last = rest_credited(invoice, [note])
    adds_up(last)
    for name in ("items_minor", "discount_minor", "tax_minor", "shipping_minor", "total_minor"):
        assert note.content()[name] + last.content()[name] == invoice.content()[name], name


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
    invoice, notes = Amounts([line(1, 100, 9), line(2, 50, 0)], 0), [Amounts([line(1, 30, 2)], 0)]
    swapped = Replaced({3: [1], 4: [3, 2]}, {})  # 3 instead of a part of 1, then 4 instead of 3 and of a part of 2
    note = credited(invoice, notes, [Given(4, 2, 90, 0), Given(2, 1, 10, 0)], swapped)
    assert [(one.line_no, one.total_minor) for one in note.lines] == [(1, 50), (2, 50)]
    for back, known in (([Given(4, 2, 131, 0)], swapped), ([Given(4, 1, 1, 0)], Replaced({}, {}))):
        with pytest.raises(Conflict, match="not_creditable"):
            credited(invoice, notes, back, known)
