"""Step 3: which set of warehouses sends the goods at the smallest cost.

The search goes through sets of the best candidates, small sets first, and stops where no larger set can be cheaper.
It looks at a limited number of sets, not for a limited time: equal input gives an equal answer on any machine. A greedy
plan is made first, so that there is a plan whatever the search finds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.sourcing.greedy import greedy
from domain.sourcing.scoring import Costs
from domain.sourcing.search import Candidates, searched

Units = Mapping[str, Mapping[str, int]]

# The search considers so many warehouses; each SKU's best are among them.
CANDIDATES = 24
_BEST_OF_SKU = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """Units of each SKU by warehouse, the warehouses in order of their rank, and what it costs."""

    units: Mapping[str, Mapping[str, int]]
    points: int


def allocated(demand: Mapping[str, int], units: Units, costs: Costs, most: int) -> Plan:
    """The cheapest plan for all units that there are, in at most `most` fulfilments unless that takes more."""
    need = _need(demand, {code: units[code] for code in costs.fixed})
    if not need:
        return Plan({}, 0)
    ranked = sorted(costs.fixed, key=lambda code: (costs.fixed[code], code))
    every = Candidates(tuple(ranked), tuple(units[code] for code in ranked), need, costs)
    alone = _cheapest_alone(every)
    if alone is not None and every.cost((alone,)) <= every.bound(2):
        return _plan(every, (alone,))
    start = greedy(every)
    narrowed = every.narrowed(_shortlist(every, start))
    found = searched(narrowed, tuple(narrowed.codes.index(every.codes[one]) for one in start), most)
    return _plan(narrowed, found)


def _need(demand: Mapping[str, int], units: Units) -> dict[str, int]:
    """What is asked for and there."""
    there = {sku: sum(held.get(sku, 0) for held in units.values()) for sku in demand}
    return {sku: min(quantity, there[sku]) for sku, quantity in demand.items() if there[sku] > 0}


def _cheapest_alone(every: Candidates) -> int | None:
    able = [
        place
        for place, held in enumerate(every.units)
        if all(held.get(sku, 0) >= quantity for sku, quantity in every.need.items())
    ]
    return min(able, key=lambda place: (every.cost((place,)), place), default=None)


def _shortlist(every: Candidates, start: tuple[int, ...]) -> list[int]:
    """The cheapest, the greedy plan's, and for each SKU the cheapest that have all of it and that with the most."""
    kept = set(range(min(CANDIDATES, len(every.codes)))) | set(start)
    for sku, quantity in every.need.items():
        having = [place for place, held in enumerate(every.units) if held.get(sku, 0) >= quantity]
        kept.update(having[:_BEST_OF_SKU])
        kept.add(max(range(len(every.codes)), key=lambda place: (every.units[place].get(sku, 0), -place)))
    return sorted(kept)


def _plan(among: Candidates, chosen: tuple[int, ...]) -> Plan:
    shares = among.assigned(chosen)
    used = tuple(place for place in chosen if shares[place])
    return Plan({among.codes[place]: shares[place] for place in used}, among.cost(used))
