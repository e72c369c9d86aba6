"""Stock that makes an order what its scenario says: short, split over two warehouses, picked short."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from workers.demo.baskets.customers import REGIONS, region_of
from workers.demo.baskets.dataset import Household, Line
from workers.demo.behaviour.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Arrangement:
    """The levels of a SKU that one basket only has: {warehouse: units}; none elsewhere. `home` is the warehouse that is
    nearest to the customer."""

    sku: str
    home: str
    levels: Mapping[str, int]


def arranged(
    scenario: Scenario, household: Household, lines: Iterable[Line], own: Collection[str]
) -> tuple[Arrangement, ...] | None:
    """What a scenario needs beside the stock of every order; None where it cannot be played with these lines. `own` are
    SKUs that no other basket has."""
    if scenario not in _ARRANGED:
        return ()
    units = Counter[str]()
    for line in lines:
        units[line.sku] += line.quantity
    home = region_of(household).warehouse
    return _arranged(scenario, home, units, [sku for sku in units if sku in own])


def _arranged(scenario: Scenario, home: str, units: Counter[str], own: list[str]) -> tuple[Arrangement, ...] | None:
    other = neighbour(home)
    if scenario is Scenario.SPLIT:
        # One SKU at home and one elsewhere: no warehouse has both.
        if len(own) < 2:
            return None
        places = ((own[0], home), (own[1], other))
        return tuple(Arrangement(sku, home, {warehouse: units[sku]}) for sku, warehouse in places)
    if scenario is Scenario.PICKED_SHORT:
        # All of it at home, and the unit that is not found elsewhere. Something else goes in the first parcel.
        if not own or units.total() == 1:
            return None
        return (Arrangement(own[0], home, {home: units[own[0]], other: 1}),)
    if not own:
        return None
    return (Arrangement(own[0], home, {home: units[own[0]] - 1}),)


def neighbour(home: str) -> str:
    """Another warehouse."""
    codes = [region.warehouse for region in REGIONS]
    return codes[(codes.index(home) + 1) % len(codes)]


_ARRANGED = frozenset({Scenario.OUT_OF_STOCK, Scenario.BACKORDERED, Scenario.SPLIT, Scenario.PICKED_SHORT})
