"""Sets of warehouses that together have everything: what they cost, and the cheapest of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from domain.sourcing.scoring import Costs
from domain.sourcing.supply import MOST, Supply, best_sums, packed

# So many sets are looked at; then the best one found counts.
BUDGET = 80_000


@dataclass(frozen=True)
class Candidates:
    """Warehouses by rising fixed cost, with their units of what is needed; a set is the places of its members."""

    codes: tuple[str, ...]
    units: tuple[Mapping[str, int], ...]
    need: Mapping[str, int]
    costs: Costs

    def narrowed(self, places: Sequence[int]) -> "Candidates":
        """Only these, in the same order."""
        codes = tuple(self.codes[place] for place in places)
        return Candidates(codes, tuple(self.units[place] for place in places), self.need, self.costs)

    @cached_property
    def fixed(self) -> tuple[int, ...]:
        """The fixed cost of each."""
        return tuple(self.costs.fixed[code] for code in self.codes)

    @cached_property
    def supply(self) -> Supply:
        """What each has, packed."""
        return packed(self.need, self.units)

    @cached_property
    def least_units(self) -> int:
        """What the units cost at the least, whoever sends them."""
        if not self.costs.unit:
            return 0
        return sum(
            quantity
            * min(self.costs.unit.get((self.codes[p], sku), 0) for p, held in enumerate(self.units) if sku in held)
            for sku, quantity in self.need.items()
        )

    def bound(self, size: int) -> int:
        """No set of `size` or more costs less."""
        return sum(self.fixed[:size]) + self.least_units

    def cost(self, chosen: Sequence[int]) -> int:
        """What the set costs, each unit from the cheapest of its members."""
        fixed = sum(self.fixed[place] for place in chosen)
        if not self.costs.unit:
            return fixed
        unit = self.costs.unit
        shares = self.assigned(chosen)
        return fixed + sum(
            quantity * unit.get((self.codes[place], sku), 0)
            for place, share in shares.items()
            for sku, quantity in share.items()
        )

    def assigned(self, chosen: Sequence[int]) -> dict[int, dict[str, int]]:
        """Who of the set sends how much of each SKU: from the cheapest, from one that has all of it, by rank."""
        shares: dict[int, dict[str, int]] = {place: {} for place in sorted(chosen)}
        for sku, quantity in self.need.items():
            left = quantity
            for place in sorted(chosen, key=lambda place: self._preference(place, sku, quantity)):
                taken = min(left, self.units[place].get(sku, 0))
                if taken:
                    shares[place][sku] = taken
                    left -= taken
        return shares

    def _preference(self, place: int, sku: str, quantity: int) -> tuple[int, bool, int]:
        unit = self.costs.unit.get((self.codes[place], sku), 0)
        return unit, self.units[place].get(sku, 0) < quantity, place


def searched(among: Candidates, start: tuple[int, ...], most: int) -> tuple[int, ...]:
    """The cheapest set of at most `most` members; a larger one only where no such set has everything.

    `start` is a set that has everything; it is the answer where the search finds none that is better.
    """
    walk = _Walk(among, start, most)
    for size in range(1, min(len(among.codes), MOST) + 1):
        if walk.over or (size > most and walk.within):
            break
        if walk.within and among.bound(size) >= walk.cost:
            break
        if size > most and len(walk.best) < size:
            break
        walk.through(size)
    return walk.best


class _Walk:
    """The state of a search: the best set so far, and how many sets may still be looked at."""

    def __init__(self, among: Candidates, start: tuple[int, ...], most: int) -> None:
        self._among, self._most = among, most
        self._packed, self._supply = among.supply.packed, among.supply
        sizes = range(min(len(among.codes), MOST) + 1)
        self._reach = best_sums(among.need, among.units, sizes).packed
        self._left = BUDGET
        self.best, self.cost = tuple(sorted(start)), among.cost(start)

    @property
    def over(self) -> bool:
        """True when it has looked at all that it may."""
        return self._left <= 0

    @property
    def within(self) -> bool:
        """True where the best set is no larger than is allowed."""
        return len(self.best) <= self._most

    def through(self, size: int) -> None:
        """Look at the sets of one size."""
        self._descend((), 0, self._supply.start, self._among.least_units, size)

    def _descend(self, chosen: tuple[int, ...], first: int, total: int, cost: int, left: int) -> None:
        if not self._supply.covers(total + self._reach[left]):
            return
        if left == 1:
            self._last(chosen, first, total, cost)
            return
        fixed = self._among.fixed
        for place in range(first, len(fixed) - left + 1):
            if self.over or (self._comparable(chosen, left) and cost + sum(fixed[place : place + left]) >= self.cost):
                return
            self._left -= 1
            self._descend((*chosen, place), place + 1, total + self._packed[place], cost + fixed[place], left - 1)

    def _last(self, chosen: tuple[int, ...], first: int, total: int, cost: int) -> None:
        fixed, numbers, full = self._among.fixed, self._packed, self._supply.full
        comparable = self._comparable(chosen, 1)
        for place in range(first, len(fixed)):
            if comparable and cost + fixed[place] >= self.cost:
                break
            self._left -= 1
            if (total + numbers[place]) & full == full and self._take((*chosen, place)):
                comparable = True

    def _comparable(self, chosen: tuple[int, ...], left: int) -> bool:
        """True where only a cheaper set counts: the best is within the limit, or no larger than these."""
        return self.within or len(self.best) <= len(chosen) + left

    def _take(self, chosen: tuple[int, ...]) -> bool:
        cost = self._among.cost(chosen)
        if self._comparable(chosen, 0) and cost >= self.cost:
            return False
        self.best, self.cost = chosen, cost
        return True
