"""What stands on an invoice and on a credit note: lines and amounts that add up, to be frozen with the document."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from domain.errors import Conflict


class DocumentKind(StrEnum):
    """An invoice says what was sold for how much; a credit note takes a part of it back."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


SERIES = {DocumentKind.INVOICE: "INV", DocumentKind.CREDIT_NOTE: "CN"}
_NUMBER = re.compile(r"^(INV|CN)-[0-9]{4}-[0-9]{6,18}$")


def document_number(typed: str) -> str | None:
    """The number as documents carry it; None for what cannot be one."""
    number = typed.strip().upper()
    return number if _NUMBER.match(number) else None


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `total_minor` is what was paid, or given back, for it: tax included, shipping not.

    On a credit note `discount_minor` is what of the invoice's discount is taken back; below 0, a discount given later.
    """

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int

    @property
    def tax_added_minor(self) -> int:
        """The tax that prices did not hold already."""
        return self.total_minor - self.quantity * self.unit_price_minor + self.discount_minor


@dataclass(frozen=True, slots=True)
class Amounts:
    """A document's lines and what they come to; shipping has no line of its own."""

    lines: Sequence[Line]
    shipping_minor: int

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines) + self.shipping_minor

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    def content(self) -> dict[str, Any]:
        """The amounts as they are kept with the document. `tax_added_minor` is what prices did not hold already."""
        items = sum(line.quantity * line.unit_price_minor for line in self.lines)
        discount = sum(line.discount_minor for line in self.lines)
        return {
            "lines": [asdict(line) for line in self.lines],
            "items_minor": items,
            "discount_minor": discount,
            "tax_added_minor": self.total_minor - self.shipping_minor - items + discount,
            "shipping_minor": self.shipping_minor,
            "tax_minor": self.tax_minor,
            "total_minor": self.total_minor,
        }


def amounts_of(content: dict[str, Any]) -> Amounts:
    """The amounts of a document that was kept."""
    return Amounts([Line(**line) for line in content["lines"]], content["shipping_minor"])


@dataclass(frozen=True, slots=True)
class Given:
    """What went back of one line: units, money for goods, and of its share of the shipping charge."""

    line_no: int
    quantity: int
    goods_minor: int
    shipping_minor: int


def credited(
    invoice: Amounts,
    before: Sequence[Line],
    given: Sequence[Given],
    replaced: Mapping[int, Sequence[int]] | None = None,
    shipping_before_minor: int = 0,
) -> Amounts:
    """A credit note over `given`, after the credit notes that hold the lines `before` and so much shipping.

    What took the place of invoiced goods (`replaced`: {line: lines that gave way to it}) is credited on their lines,
    and beyond them on the shipping charge: it may have paid for them as well.
    Tax goes back with its part of the line: when all of a line has gone back, so has its tax, to the cent.
    Raises Conflict `not_creditable` for a line that the invoice does not have.
    """
    known = {line.line_no: line for line in invoice.lines}
    gone = {number: _Gone(0, 0, 0) for number in known}
    for line in before:
        gone[line.line_no] = gone[line.line_no].and_(line)
    given = _on_invoice(known, gone, given, replaced or {}, invoice.shipping_minor - shipping_before_minor)
    lines = [_credit(known[one.line_no], gone[one.line_no], one) for one in given if one.goods_minor or one.quantity]
    return Amounts(lines, sum(one.shipping_minor for one in given))


@dataclass(frozen=True, slots=True)
class _Gone:
    """What credit notes have taken back of a line."""

    quantity: int
    goods_minor: int
    tax_minor: int

    def and_(self, line: Line) -> "_Gone":
        return _Gone(
            self.quantity + line.quantity, self.goods_minor + line.total_minor, self.tax_minor + line.tax_minor
        )


def _on_invoice(
    known: Mapping[int, Line],
    gone: Mapping[int, _Gone],
    given: Sequence[Given],
    replaced: Mapping[int, Sequence[int]],
    shipping_left_minor: int,
) -> list[Given]:
    """The same money on the invoice's lines, a line once; of goods that are not on it, no units."""
    found = {one.line_no: one for one in given if one.line_no in known}
    shipping_left_minor -= sum(one.shipping_minor for one in found.values())
    for one in (one for one in given if one.line_no not in known):
        rest, places = one.goods_minor, _invoiced(one.line_no, known, replaced)
        for number in places:
            here = found.get(number, Given(number, 0, 0, 0))
            part = min(rest, max(known[number].total_minor - gone[number].goods_minor - here.goods_minor, 0))
            found[number] = replace(here, goods_minor=here.goods_minor + part)
            rest -= part
        rest += one.shipping_minor
        if rest and (not places or rest > shipping_left_minor):
            raise Conflict("not_creditable", "this was sold after the invoice, which a credit note would correct")
        if rest:
            here = found[places[0]]
            found[places[0]] = replace(here, shipping_minor=here.shipping_minor + rest)
            shipping_left_minor -= rest
    return [found[number] for number in sorted(found)]


def _invoiced(line_no: int, known: Mapping[int, Line], replaced: Mapping[int, Sequence[int]]) -> list[int]:
    """The invoice's lines whose place it took, through any number of changes."""
    found: list[int] = []
    for number in replaced.get(line_no, ()):
        # Goods are replaced by later lines only, so this comes to an end.
        found += [number] if number in known else _invoiced(number, known, replaced)
    return found


def _credit(line: Line, gone: _Gone, given: Given) -> Line:
    """A line's part that goes back: pieces at their price, what was given for them differs by their discount.

    Money without pieces is a discount that is given later.
    """
    tax = _tax(line, gone, given)
    price, added = (line.unit_price_minor if given.quantity else 0), (tax if line.tax_added_minor else 0)
    discount = given.quantity * price + added - given.goods_minor
    return replace(
        line,
        quantity=given.quantity,
        unit_price_minor=price,
        discount_minor=discount,
        tax_minor=tax,
        total_minor=given.goods_minor,
    )


def _tax(line: Line, gone: _Gone, given: Given) -> int:
    """Of pieces at their worth the tax of so many pieces, else that of so much money; never more than is left."""
    pieces, money = gone.quantity + given.quantity, gone.goods_minor + given.goods_minor
    at_worth = abs(money * line.quantity - line.total_minor * pieces) < line.quantity
    part, whole = (pieces, line.quantity) if at_worth else (money, max(line.total_minor, 1))
    wanted = -(-line.tax_minor * part // whole) - gone.tax_minor
    left = line.tax_minor - gone.tax_minor
    return min(max(wanted, left - (line.total_minor - money), 0), left, given.goods_minor)


def rest(invoice: Amounts, notes: Sequence[Amounts]) -> list[Given]:
    """What no credit note has taken back yet, by line; the shipping charge stands with the first line."""
    gone = [line for note in notes for line in note.lines]
    shipping = invoice.shipping_minor - sum(note.shipping_minor for note in notes)
    left = []
    for line in invoice.lines:
        of_line = [one for one in gone if one.line_no == line.line_no]
        quantity = max(line.quantity - sum(one.quantity for one in of_line), 0)
        goods = line.total_minor - sum(one.total_minor for one in of_line)
        left.append(Given(line.line_no, quantity, goods, 0))
    return [replace(one, shipping_minor=shipping if place == 0 else 0) for place, one in enumerate(left)]
