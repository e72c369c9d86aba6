"""Step 1: which warehouses can send anything of the order at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.sourcing.places import Warehouse
from domain.sourcing.request import SourcingRequest


class Exclusion(StrEnum):
    """Why a warehouse is out before it is scored; a criterion that excludes gives its own name."""

    INACTIVE = "inactive"
    CAPACITY = "capacity"
    NO_STOCK = "no_stock"
    SUPPLIER = "supplier"


@dataclass(frozen=True, slots=True)
class Eligible:
    """Warehouses that may ship, in order of code, with their units of the wanted SKUs; and why the others may not."""

    warehouses: tuple[Warehouse, ...]
    units: Mapping[str, Mapping[str, int]]
    excluded: Mapping[str, Exclusion]


def eligible(request: SourcingRequest, demand: Mapping[str, int]) -> Eligible:
    """Active warehouses with capacity and at least one wanted unit, above the buffer of the channel."""
    able: list[Warehouse] = []
    units: dict[str, dict[str, int]] = {}
    excluded: dict[str, Exclusion] = {}
    for warehouse in sorted(request.network.warehouses, key=lambda one: one.code):
        held = _units(request, warehouse, demand)
        reason = _reason(warehouse, held)
        if reason is None:
            able.append(warehouse)
            units[warehouse.code] = held
        else:
            excluded[warehouse.code] = reason
    return Eligible(tuple(able), units, excluded)


def without_suppliers(able: Eligible) -> Eligible:
    """The warehouses alone; the same where there is no supplier among them."""
    suppliers = {one.code: Exclusion.SUPPLIER for one in able.warehouses if one.supplier}
    if not suppliers:
        return able
    own = tuple(one for one in able.warehouses if not one.supplier)
    return replace(able, warehouses=own, excluded={**able.excluded, **suppliers})


def _units(request: SourcingRequest, warehouse: Warehouse, demand: Mapping[str, int]) -> dict[str, int]:
    available, code, buffer = request.network.available, warehouse.code, warehouse.buffer
    return {sku: units for sku in demand if (units := available.get((code, sku), 0) - buffer) > 0}


def _reason(warehouse: Warehouse, held: Mapping[str, int]) -> Exclusion | None:
    if not warehouse.active:
        return Exclusion.INACTIVE
    if warehouse.capacity_left is not None and warehouse.capacity_left <= 0:
        return Exclusion.CAPACITY
    return None if held else Exclusion.NO_STOCK
