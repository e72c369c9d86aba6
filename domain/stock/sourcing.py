"""Which warehouse ships an order: for now one that can ship all of it, the nearest first."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place that ships; a smaller `priority` is preferred."""

    code: str
    country: str
    province: str
    city: str
    priority: int


@dataclass(frozen=True, slots=True)
class Destination:
    """As much of an address as sourcing needs; nothing of it is personal."""

    country: str
    province: str
    city: str


def distance_class(warehouse: Warehouse, to: Destination) -> int:
    """0 same city, 1 same province, 2 same country, 3 elsewhere."""
    if warehouse.country != to.country:
        return 3
    if warehouse.province != to.province:
        return 2
    return 0 if warehouse.city == to.city else 1


def candidates(
    wanted: Mapping[str, int],
    available: Mapping[tuple[str, str], int],
    warehouses: Iterable[Warehouse],
    to: Destination,
) -> list[str]:
    """Codes of the warehouses that hold every wanted SKU in full, best first.

    `wanted` is {sku: quantity}, `available` {(warehouse, sku): units}. The order is distance class, priority, code:
    the same input always gives the same answer.
    """
    able = [
        warehouse
        for warehouse in warehouses
        if all(available.get((warehouse.code, sku), 0) >= quantity for sku, quantity in wanted.items())
    ]
    ranked = sorted(able, key=lambda warehouse: (distance_class(warehouse, to), warehouse.priority, warehouse.code))
    return [warehouse.code for warehouse in ranked]
