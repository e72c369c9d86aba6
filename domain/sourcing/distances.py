"""Distances on the earth."""

from math import asin, cos, radians, sin, sqrt

from domain.sourcing.places import Coordinates, Destination, Warehouse, distance_class

_EARTH_RADIUS_KM = 6371.0
# What a distance class stands for where a place has no coordinates.
_CLASS_KM = (20.0, 200.0, 1000.0, 6000.0)
# Half of the way round the earth: nothing is farther.
FARTHEST_KM = 20_015.0


def haversine_km(a: Coordinates, b: Coordinates) -> float:
    """Kilometres on the great circle."""
    north, east = radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)
    h = sin(north / 2) ** 2 + cos(radians(a.latitude)) * cos(radians(b.latitude)) * sin(east / 2) ** 2
    return 2 * _EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))


def distance_km(warehouse: Warehouse, to: Destination) -> float:
    """Kilometres between them; without coordinates, what the distance class stands for."""
    if warehouse.coordinates is None or to.coordinates is None:
        return _CLASS_KM[distance_class(warehouse, to)]
    return haversine_km(warehouse.coordinates, to.coordinates)
