"""Counts of a warehouse: what differs from the ledger, and when another person decides."""

from collections.abc import Iterable, Mapping
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
    """Differences above one of them need another person; the value is at sales prices, in each currency."""

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


@dataclass(frozen=True, slots=True)
class SalesPrice:
    """What a unit is sold for."""

    currency: str
    minor: int


def needs_approval(lines: Iterable[CountLine], prices: Mapping[str, SalesPrice], limits: CountLimits) -> bool:
    """Gains and losses do not make up for each other. The value is compared in each currency alone: amounts of
    different currencies are never added."""
    units, value = 0, dict.fromkeys((price.currency for price in prices.values()), 0)
    for line in lines:
        differs, price = abs(line.difference), prices[line.sku]
        units += differs
        value[price.currency] += differs * price.minor
    return units > limits.units or any(minor > limits.value_minor for minor in value.values())
