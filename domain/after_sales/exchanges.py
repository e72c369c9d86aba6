"""What goods cost that are given for goods that came back, and what of their value that takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.money import share_out
from domain.orders.lines import PricedLine
from domain.pricing.allocation import Charges, Frozen, Priced, Tax, priced, within


class ExchangeStatus(StrEnum):
    """Status of an exchange: the new order is wanted, then placed, or the customer gets money instead."""

    WANTED = "wanted"
    PLACED = "placed"
    FELL_BACK = "fell_back"


# The single source: the tests compare the database's guard with it.
EXCHANGE_TRANSITIONS: Mapping[ExchangeStatus, frozenset[ExchangeStatus]] = {
    ExchangeStatus.WANTED: frozenset({ExchangeStatus.PLACED, ExchangeStatus.FELL_BACK}),
    # The new order was cancelled.
    ExchangeStatus.PLACED: frozenset({ExchangeStatus.FELL_BACK}),
    ExchangeStatus.FELL_BACK: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The new order's sums; `used_minor` of the old goods' value pays for it, `parts_minor` of it for each line,
    `rest_minor` goes back."""

    sums: Priced
    used_minor: int
    rest_minor: int
    parts_minor: tuple[int, ...]

    @property
    def to_pay_minor(self) -> int:
        """What the new goods cost beyond the old ones' value."""
        return self.sums.total_minor


def exchanged(lines: Sequence[PricedLine], value_minor: int, tax: Tax) -> Exchanged:
    """Price the new goods with the old ones' value as their discount; sending them costs nothing.

    Raises RuleBroken `total_out_of_range`.
    """
    values = [line.total_minor for line in lines]
    whole = priced(values, Charges(tax=tax))
    owed = max(whole.total_minor - value_minor, 0)
    # The largest discount that leaves at least what is owed: added tax follows the discount, so it is searched for.
    low, high = 0, whole.items_minor
    while low < high:
        middle = (low + high + 1) // 2
        if priced(values, Charges(middle, 0, tax)).total_minor >= owed:
            low = middle
        else:
            high = middle - 1
    sums = priced(values, Charges(low, 0, tax))
    used = whole.total_minor - sums.total_minor
    return Exchanged(sums, used, value_minor - used, _parts(whole, sums, used))


def _parts(whole: Priced, sums: Priced, used_minor: int) -> tuple[int, ...]:
    """What each line costs less than without the old goods: its discount and, where tax is added, the tax on that."""
    less = [
        share.discount_minor + before.tax_added_minor - share.tax_added_minor
        for before, share in zip(whole.shares, sums.shares, strict=True)
    ]
    return tuple(share_out(used_minor, [max(each, 0) for each in less]))


def part_of_line(
    exchanged_minor: int, quantity: int, before: int, units: int, reduced: int = 0, percent: int = 100
) -> int:
    """What `units` of a line carry of what it has of the old goods' value when `before` units came back earlier.

    All parts add up to it. Of the last `reduced` of them only so many percent count.
    """
    # Rounded down where goods are rounded up: an unpaid unit is worth its price, to the cent.
    line = Frozen(exchanged_minor, quantity, before, exchanged_minor * before // quantity, up=False)
    reduced = min(reduced, units)
    whole, sound = line.worth(units), line.worth(units - reduced)
    exact = exchanged_minor * reduced * percent
    return sound + min(within((whole - sound) * percent // 100, exact, 100 * quantity), whole - sound)


@dataclass(frozen=True, slots=True)
class CarriedLine:
    """A line of an exchange order and what it has of the old goods' value; `before` units came back earlier."""

    line_no: int
    quantity: int
    exchanged_minor: int
    before: int


def carried_minor(
    lines: Sequence[CarriedLine], units: Mapping[int, int], reduced: Mapping[int, int], percent: int
) -> int:
    """What `units` of these lines carry of the old goods' value; of those in `reduced` so many percent of it."""
    return sum(
        part_of_line(
            line.exchanged_minor,
            line.quantity,
            line.before,
            min(units[line.line_no], line.quantity - line.before),
            reduced.get(line.line_no, 0),
            percent,
        )
        for line in lines
        if line.line_no in units and line.quantity > line.before
    )


def at_worth(line: PricedLine, worth_minor: int) -> list[PricedLine]:
    """The line's units for `worth_minor` together: where that has no price per unit, some cost one minor unit more."""
    price, more_expensive = divmod(worth_minor, line.quantity)
    parts = ((line.quantity - more_expensive, price), (more_expensive, price + 1))
    return [PricedLine(line.sku, line.name, units, each) for units, each in parts if units]
