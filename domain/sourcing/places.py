"""Where goods come from and where they go."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Coordinates:
    """A point on the earth, in degrees."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Warehouse:
    """A place that ships; a smaller `priority` is preferred.

    `load` is the number of open fulfilments, `capacity_left` how many more it takes today (None: no limit), `buffer`
    the units of each SKU that sourcing leaves there. A `supplier` ships from its own stock. `open_today` is False after
    its cut-off, `ships_by` is when it ships next.
    """

    code: str
    country: str
    province: str
    city: str
    priority: int
    coordinates: Coordinates | None = None
    active: bool = True
    load: int = 0
    capacity_left: int | None = None
    open_today: bool = True
    ships_by: datetime | None = None
    buffer: int = 0
    supplier: bool = False


@dataclass(frozen=True, slots=True)
class Destination:
    """As much of an address as sourcing needs; nothing of it is personal."""

    country: str
    province: str
    city: str
    coordinates: Coordinates | None = None


def distance_class(warehouse: Warehouse, to: Destination) -> int:
    """0 same city, 1 same province, 2 same country, 3 elsewhere."""
    if warehouse.country != to.country:
        return 3
    if warehouse.province != to.province:
        return 2
    return 0 if warehouse.city == to.city else 1
