"""Counts of a warehouse: what differs from the ledger, and when another person decides."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import RuleBroken


class CountStatus(StrEnum):
    """`short`: orders hold more than was counted, nothing is posted until that is cleared up."""

    AWAITING_APPROVAL = "awaiting_approval"
    SHORT = "short"
    POSTED = "posted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class CountLine:
    """What was counted of a SKU (of all its locations where `location` is empty) and what the ledger had then."""

    sku: str
    location: str
    counted: int
    expected: int

    @property
    def difference(self) -> int:
        """What a movement corrects."""
        return self.counted - self.expected


@dataclass(frozen=True, slots=True)
class CountLimits:
    """Differences above one of them need another person; the value is at sales prices."""

    units: int
    value_minor: int


def require_once(places: Iterable[tuple[str, str]]) -> None:
    """Raises RuleBroken `counted_twice`: where a SKU is counted as a whole, none of its locations is beside it."""
    seen: dict[str, set[str]] = {}
    for sku, location in places:
        before = seen.setdefault(sku, set())
        if location in before or (before and "" in before | {location}):
            raise RuleBroken("counted_twice", "{sku} is counted twice; name each SKU and location once", sku=sku)
        before.add(location)


def needs_approval(lines: Iterable[CountLine], price_minor: dict[str, int], limits: CountLimits) -> bool:
    """Gains and losses do not make up for each other."""
    differences = [(abs(line.difference), price_minor[line.sku]) for line in lines]
    units, value = sum(units for units, _ in differences), sum(units * price for units, price in differences)
    return units > limits.units or value > limits.value_minor
