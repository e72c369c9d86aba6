"""Waves: fulfilments that are picked in one walk, and the list for it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_IN_WAVE = 30


@dataclass(frozen=True, slots=True)
class Place:
    """Where units of a SKU are; places come in walking order. None: not placed."""

    sku: str
    location: str | None
    zone: str
    on_hand: int


@dataclass(frozen=True, slots=True)
class Stop:
    """What is taken at one place. `units` of a SKU may be for several fulfilments."""

    sku: str
    location: str | None
    zone: str
    units: int


def walk(needs: Mapping[str, int], places: Iterable[Place]) -> tuple[Stop, ...]:
    """The stops in walking order; what no place is known for comes last."""
    left = {sku: units for sku, units in needs.items() if units > 0}
    stops = []
    for place in places:
        if units := min(left.get(place.sku, 0), place.on_hand):
            stops.append(Stop(place.sku, place.location, place.zone, units))
            left[place.sku] -= units
    stops.extend(Stop(sku, None, "", units) for sku, units in sorted(left.items()) if units)
    return tuple(stops)
