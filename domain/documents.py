"""What stands on an invoice and on a credit note: lines and amounts that add up, to be frozen with the document."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

from domain.errors import Conflict
from domain.json_types import JsonObject


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
class InvoiceLine:
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

    lines: Sequence[InvoiceLine]
    shipping_minor: int

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines) + self.shipping_minor

    @property
    def tax_minor(self) -> int:
        return sum(line.tax_minor for line in self.lines)

    def content(self) -> dict[str, object]:
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


def amounts_of(content: JsonObject) -> Amounts:
    """The amounts of a document that was kept."""
    return Amounts([InvoiceLine(**line) for line in content["lines"]], content["shipping_minor"])


@dataclass(frozen=True, slots=True)
class Given:
    """What went back of one line: units, money for goods, and of its share of the shipping charge."""

    line_no: int
    quantity: int
    goods_minor: int
    shipping_minor: int


def together(invoices: Sequence[Amounts]) -> Amounts:
    """An order's invoices as one: none has a line of another."""
    return Amounts([line for one in invoices for line in one.lines], sum(one.shipping_minor for one in invoices))


@dataclass(frozen=True, slots=True)
class Replaced:
    """What took the place of other goods, by line: `predecessors` are the lines that it took the place of, `sold_minor`
    is what it was sold for, whatever of that is on an invoice."""

    predecessors: Mapping[int, Sequence[int]]
    sold_minor: Mapping[int, int]


NOTHING_REPLACED = Replaced({}, {})


def credited(
    invoice: Amounts, notes: Sequence[Amounts], given: Sequence[Given], replaced: Replaced = NOTHING_REPLACED
) -> Amounts:
    """A credit note over `given`, after the credit notes before it.

    What took the place of invoiced goods is credited on their lines, and beyond them on the shipping charge: it may
    have paid for them as well. Where a part of it is on an invoice, so much of the money is credited there.
    Tax goes back with its part of the line: when all of a line has gone back, so has its tax, to the cent.
    Raises Conflict `not_creditable` for what no invoice has.
    """
    before = _credited_before(invoice, notes)
    shipping_left = invoice.shipping_minor - sum(note.shipping_minor for note in notes)
    return _note(invoice, before, _Allocation(invoice, before, replaced, shipping_left).of(given))


def rest_credited(invoice: Amounts, notes: Sequence[Amounts]) -> Amounts:
    """A credit note over all that no credit note has taken back yet."""
    return _note(invoice, _credited_before(invoice, notes), rest(invoice, notes))


def _note(invoice: Amounts, before: Mapping[int, "_Credited"], given: Sequence[Given]) -> Amounts:
    known = {line.line_no: line for line in invoice.lines}
    lines = [_credit(known[one.line_no], before[one.line_no], one) for one in given if one.goods_minor or one.quantity]
    return Amounts(lines, sum(one.shipping_minor for one in given))


def _credited_before(invoice: Amounts, notes: Sequence[Amounts]) -> dict[int, "_Credited"]:
    before = {line.line_no: _Credited(0, 0, 0) for line in invoice.lines}
    for line in (line for note in notes for line in note.lines):
        before[line.line_no] = before[line.line_no].and_(line)
    return before


@dataclass(frozen=True, slots=True)
class _Credited:
    """What credit notes have taken back of a line."""

    quantity: int
    goods_minor: int
    tax_minor: int

    def and_(self, line: InvoiceLine) -> "_Credited":
        return _Credited(
            self.quantity + line.quantity, self.goods_minor + line.total_minor, self.tax_minor + line.tax_minor
        )


class _Allocation:
    """Finds room on the invoice's lines for money that goes back."""

    def __init__(
        self, invoice: Amounts, before: Mapping[int, _Credited], replaced: Replaced, shipping_left: int
    ) -> None:
        self._lines = {line.line_no: line for line in invoice.lines}
        self._room = {
            number: max(line.total_minor - before[number].goods_minor, 0) for number, line in self._lines.items()
        }
        self._replaced, self._shipping_left = replaced, shipping_left
        self._found: dict[int, Given] = {}

    def of(self, given: Sequence[Given]) -> list[Given]:
        """The same money on the invoice's lines, a line once; of goods that are not on it, no units."""
        own = [one for one in given if one.line_no in self._lines]
        rests = [(one, self._allocate_own(one)) for one in own]
        rests += [(one, one.goods_minor + one.shipping_minor) for one in given if one.line_no not in self._lines]
        # What a line has room for itself comes first, then what gave way to it: neither takes the place of another.
        rests = [(one, self._allocate(rest, self._predecessors(one.line_no))) for one, rest in rests]
        for one, rest in rests:
            self._allocate_rest(one, rest)
        return [self._found[number] for number in sorted(self._found)]

    def _allocate_own(self, one: Given) -> int:
        """Pieces and shipping stand on their own line, with the part of the goods that is on it; what is left over."""
        line = self._lines[one.line_no]
        sold = max(self._replaced.sold_minor.get(one.line_no, 0), line.total_minor)
        part = one.goods_minor if sold == line.total_minor else (one.goods_minor * line.total_minor + sold // 2) // sold
        shipping = min(one.shipping_minor, max(self._shipping_left, 0))
        self._found[one.line_no] = replace(one, goods_minor=0, shipping_minor=shipping)
        self._shipping_left -= shipping
        return one.goods_minor - part + one.shipping_minor - shipping + self._allocate(part, [one.line_no])

    def _allocate(self, minor: int, places: Sequence[int]) -> int:
        for number in places:
            part = min(minor, self._room[number])
            current = self._found.get(number, Given(number, 0, 0, 0))
            self._found[number] = replace(current, goods_minor=current.goods_minor + part)
            self._room[number] -= part
            minor -= part
        return minor

    def _allocate_rest(self, one: Given, rest: int) -> None:
        """On the shipping charge, which may have paid for it; a minor unit that rounding left over goes anywhere."""
        places = self._predecessors(one.line_no)
        if one.line_no in self._lines:
            rest = self._allocate(rest, [one.line_no])
        elif rest and not places:
            raise _not_on_invoice()
        if places:
            rest = self._allocate_shipping(rest, places[0])
        if rest and self._allocate_shipping(self._allocate(rest, list(self._lines)), min(self._lines)):
            raise _not_on_invoice()

    def _allocate_shipping(self, minor: int, line_no: int) -> int:
        """What is left over when the shipping charge, said with this line, has taken what it has room for."""
        part = min(minor, max(self._shipping_left, 0))
        if part:
            current = self._found.get(line_no, Given(line_no, 0, 0, 0))
            self._found[line_no] = replace(current, shipping_minor=current.shipping_minor + part)
            self._shipping_left -= part
        return minor - part

    def _predecessors(self, line_no: int) -> list[int]:
        """The invoice's lines whose place it took, through any number of changes, the nearest first."""
        visited, found = {line_no}, [line_no]
        for number in found:
            nearer = [each for each in self._replaced.predecessors.get(number, ()) if each not in visited]
            visited.update(nearer)
            found += nearer
        return [number for number in found[1:] if number in self._lines]


def _not_on_invoice() -> Conflict:
    return Conflict("not_creditable", "no invoice of the order has so much left to credit")


def _credit(line: InvoiceLine, before: _Credited, given: Given) -> InvoiceLine:
    """A line's part that goes back: pieces at their price, what was given for them differs by their discount.

    Money without pieces is a discount that is given later.
    """
    tax = _tax(line, before, given)
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


def _tax(line: InvoiceLine, before: _Credited, given: Given) -> int:
    """Of pieces at their worth the tax of so many pieces, else that of so much money; never more than is left."""
    pieces, money = before.quantity + given.quantity, before.goods_minor + given.goods_minor
    at_worth = abs(money * line.quantity - line.total_minor * pieces) < line.quantity
    part, whole = (pieces, line.quantity) if at_worth else (money, max(line.total_minor, 1))
    wanted = -(-line.tax_minor * part // whole) - before.tax_minor
    left = line.tax_minor - before.tax_minor
    return min(max(wanted, left - (line.total_minor - money), 0), left, given.goods_minor)


def rest(invoice: Amounts, notes: Sequence[Amounts]) -> list[Given]:
    """What no credit note has taken back yet, by line; the shipping charge stands with the first line."""
    before = [line for note in notes for line in note.lines]
    shipping = invoice.shipping_minor - sum(note.shipping_minor for note in notes)
    left = []
    for line in invoice.lines:
        of_line = [one for one in before if one.line_no == line.line_no]
        quantity = max(line.quantity - sum(one.quantity for one in of_line), 0)
        goods = line.total_minor - sum(one.total_minor for one in of_line)
        left.append(Given(line.line_no, quantity, goods, 0))
    return [replace(one, shipping_minor=shipping if place == 0 else 0) for place, one in enumerate(left)]
