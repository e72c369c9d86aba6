"""The settlement of a return: which units return to which stock, which are refunded, and their value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from domain.after_sales.returns import CONDITIONS, SHOPS_FAULT, Disposition, LineFinding, LinePieces, Reason


@dataclass(frozen=True, slots=True)
class RefundedUnits:
    """Units of a line that are refunded, for `percent` of what their goods are worth."""

    line_no: int
    quantity: int
    percent: int = 100


@dataclass(frozen=True, slots=True)
class FoundUnits:
    """Units that are refunded, by line: `whole` ones in full, `reduced` ones for a percentage."""

    whole: Mapping[int, int] = field(default_factory=dict)
    reduced: Mapping[int, int] = field(default_factory=dict)

    @property
    def together(self) -> dict[int, int]:
        """All of them, by line."""
        lines = [*self.whole, *(line for line in self.reduced if line not in self.whole)]
        return {line: self.whole.get(line, 0) + self.reduced.get(line, 0) for line in lines}


@dataclass(frozen=True, slots=True)
class AdvanceBalance:
    """The end of an exchange whose new goods went out first.

    The old goods are worth `shortfall_minor` less than what the new ones used; `surplus_minor` goes back to the
    customer.
    """

    shortfall_minor: int
    surplus_minor: int


def is_approved_automatically(worth_minor: int, limit_minor: int) -> bool:
    """True for a return that is worth no more than the limit; with the limit 0 a person decides every one."""
    return bool(limit_minor) and worth_minor <= limit_minor


def percent_of(reason: Reason, damaged_percent: int) -> int:
    """The percentage of its worth that is refunded of a damaged unit: all of it where the shop is at fault."""
    return 100 if reason in SHOPS_FAULT else damaged_percent


def units_by_disposition(found: Sequence[LineFinding], *, checked: bool) -> dict[tuple[str, Disposition], int]:
    """Units by SKU and shelf. What nobody inspected (`checked` False) is not put on sale."""
    units: dict[tuple[str, Disposition], int] = {}
    for finding in found:
        disposition = CONDITIONS[finding.condition].disposition
        if disposition is not None:
            place = (finding.sku, disposition if checked else Disposition.QUARANTINE)
            units[place] = units.get(place, 0) + finding.quantity
    return units


def found_units(found: Sequence[LineFinding]) -> FoundUnits:
    """The units of the findings that are refunded, by line."""
    whole: dict[int, int] = {}
    reduced: dict[int, int] = {}
    for finding in found:
        rule = CONDITIONS[finding.condition]
        if rule.refunded:
            units = reduced if rule.percent_applies else whole
            units[finding.line_no] = units.get(finding.line_no, 0) + finding.quantity
    return FoundUnits(whole, reduced)


def refunded_units(found: Sequence[LineFinding], left: Mapping[int, int], percent: int) -> tuple[RefundedUnits, ...]:
    """What is refunded of the findings: whole units first, then those at `percent`.

    No more of a line than the units that are `left` of it, which are not refunded yet.
    """
    rest = dict(left)
    refunded: list[RefundedUnits] = []
    for finding in sorted(found, key=lambda each: CONDITIONS[each.condition].percent_applies):
        rule = CONDITIONS[finding.condition]
        units = min(finding.quantity, rest[finding.line_no]) if rule.refunded else 0
        if units:
            refunded.append(RefundedUnits(finding.line_no, units, percent if rule.percent_applies else 100))
            rest[finding.line_no] -= units
    return tuple(refunded)


def as_new(pieces: Sequence[LinePieces], left: Mapping[int, int]) -> tuple[RefundedUnits, ...]:
    """What is refunded of these pieces if all of them are as new."""
    return tuple(
        RefundedUnits(piece.line_no, units)
        for piece in pieces
        if (units := min(piece.quantity, left[piece.line_no])) > 0
    )


def value_of(own_minor: int, funded_minor: int, refundable_minor: int) -> int:
    """What goods that came back pay of new ones: their own worth and that of goods that were exchanged for them.

    It is no more than what is left to refund of the orders that took the money.
    """
    return min(own_minor + funded_minor, refundable_minor)


def advance_balance(value_minor: int, used_minor: int, claimed_minor: int) -> AdvanceBalance:
    """What is open when the old goods arrive after the new ones went out against `used_minor` of their value.

    Goods that arrive after the guarantee was claimed are paid for with what was claimed.
    """
    surplus = min(value_minor, claimed_minor) if claimed_minor else value_minor - used_minor
    return AdvanceBalance(used_minor - value_minor, max(surplus, 0))
