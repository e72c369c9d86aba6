"""Step 3: which set of warehouses sends the goods at the smallest cost.

The search goes through sets of the best candidates, small sets first, and stops where no larger set can be cheaper.
It looks at a limited number of sets, not for a limited time: equal input gives an equal answer on any machine. A greedy
plan is made first, so that there is a plan whatever the search finds, and the result is made cheaper among all
warehouses.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.sourcing.greedy import greedy
from domain.sourcing.polishing import polished
from domain.sourcing.scoring import Costs
from domain.sourcing.search import Candidates, searched

Units = Mapping[str, Mapping[str, int]]

# The search considers so many of the cheapest warehouses and of those that have most, and so many of each SKU's best.
CANDIDATES = 24
_FULLEST = 10
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
    start = polished(every, greedy(every), most)
    kept = _shortlist(every, start)
    found = searched(every.narrowed(kept), tuple(kept.index(one) for one in start), most)
    result = tuple(kept[one] for one in found)
    # The first plan is as cheap as such steps make it already.
    return _plan(every, result if result == start else polished(every, result, most))


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
    """The cheapest, the fullest, those of the first plan, and for each SKU the best."""
    places = range(len(every.codes))
    fullest = sorted(places, key=lambda place: -_brought(every, place))[:_FULLEST]
    kept = {*places[:CANDIDATES], *fullest, *start}
    for sku, quantity in every.need.items():
        kept.update(_best_of(every, sku, quantity))
    return sorted(kept)


def _brought(every: Candidates, place: int) -> float:
    """The shares of the needs that the warehouse has, and how many of them in full."""
    needed = every.need.items()
    held = every.units[place]
    return sum(min(1.0, held.get(sku, 0) / units) + (held.get(sku, 0) >= units) for sku, units in needed)


def _best_of(every: Candidates, sku: str, quantity: int) -> list[int]:
    """The cheapest that have all of a SKU, by parcel and by units, and that with the most."""
    unit = every.costs.unit
    having = [place for place, held in enumerate(every.units) if held.get(sku, 0) >= quantity]
    most = max(range(len(every.codes)), key=lambda place: (every.units[place].get(sku, 0), -place))
    by_units = sorted(having, key=lambda place: unit.get((every.codes[place], sku), 0)) if unit else []
    return [*having[:_BEST_OF_SKU], *by_units[:_BEST_OF_SKU], most]


def _plan(among: Candidates, chosen: tuple[int, ...]) -> Plan:
    shares = among.assigned(chosen)
    used = tuple(place for place in chosen if shares[place])
    return Plan({among.codes[place]: shares[place] for place in used}, among.cost(used))
