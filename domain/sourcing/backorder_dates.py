"""When orders that wait for stock get it: what arrives goes to them in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from domain.sourcing.arrivals import ExpectedUnits


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order that waits for stock, and all that it wants."""

    order_no: str
    wanted: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Expected:
    """The day on which the last units for the order arrive, and where."""

    day: date
    warehouse: str


@dataclass(slots=True)
class _Supply:
    """Units of a SKU: those that are there, then arrivals, the earliest first."""

    there: int
    arrivals: list[tuple[Expected, int]]

    def take(self, units: int) -> tuple[Expected | None, bool]:
        """The arrival that completes so many units, None where they are there; False where there are too few."""
        taken = min(units, self.there)
        self.there -= taken
        units, last = units - taken, None
        while units and self.arrivals:
            last, left = self.arrivals[0]
            taken = min(units, left)
            units -= taken
            self.arrivals[0] = last, left - taken
            if left == taken:
                self.arrivals.pop(0)
        return last, units == 0


def expected_days(
    waiting: Sequence[WaitingOrder], there: Mapping[str, int], arrivals: Sequence[ExpectedUnits], today: date
) -> dict[str, Expected]:
    """For each order, the first in line first, when all of it is there; without those for which too few arrive. Units
    that are late already have no date."""
    supplies: dict[str, _Supply] = {}
    for one in sorted(arrivals, key=lambda one: one.expected_on):
        if one.expected_on >= today:
            supply = supplies.setdefault(one.sku, _Supply(there.get(one.sku, 0), []))
            supply.arrivals.append((Expected(one.expected_on, one.warehouse), one.quantity))
    found: dict[str, Expected] = {}
    for order in waiting:
        taken = [
            supplies.setdefault(sku, _Supply(there.get(sku, 0), [])).take(units)
            for sku, units in order.wanted.items()
        ]  # fmt: skip
        days = [expected for expected, _ in taken if expected is not None]
        if days and all(complete for _, complete in taken):
            found[order.order_no] = max(days, key=lambda one: one.day)
    return found
