"""Which warehouses can ship all of an order, the nearest first."""

from collections.abc import Iterable, Mapping

from domain.sourcing.places import Destination, Warehouse, distance_class


def candidates(
    wanted: Mapping[str, int],
    available: Mapping[tuple[str, str], int],
    warehouses: Iterable[Warehouse],
    to: Destination,
) -> list[str]:
    """Codes of the warehouses that hold every wanted SKU in full, best first.

    `wanted` is {sku: quantity}, `available` {(warehouse, sku): units}. The order is warehouses before suppliers,
    distance class, priority, code: the same input always gives the same answer.
    """
    able = [
        warehouse
        for warehouse in warehouses
        if all(available.get((warehouse.code, sku), 0) >= quantity for sku, quantity in wanted.items())
    ]
    ranked = sorted(able, key=lambda place: (place.supplier, distance_class(place, to), place.priority, place.code))
    return [warehouse.code for warehouse in ranked]
