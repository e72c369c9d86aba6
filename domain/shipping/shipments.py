"""Parcels: their states, and which of a carrier's facts is news."""

from enum import StrEnum


class ShipmentStatus(StrEnum):
    """State of one parcel. `booking` is our intent before the carrier has answered."""

    BOOKING = "booking"
    BOOKED = "booked"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    LOST = "lost"
    REFUSED = "refused"
    CANCELLED = "cancelled"


_RANK = {
    ShipmentStatus.BOOKING: 0,
    ShipmentStatus.BOOKED: 1,
    ShipmentStatus.PICKED_UP: 2,
    ShipmentStatus.IN_TRANSIT: 3,
    # A refused parcel may be lost on its way back. No two share a rank, or the order of arrival would decide.
    ShipmentStatus.REFUSED: 4,
    ShipmentStatus.LOST: 5,
    ShipmentStatus.DELIVERED: 6,
}
# The carrier does not deliver it: the customer, or support, decides what becomes of it.
UNDELIVERABLE = frozenset({ShipmentStatus.LOST, ShipmentStatus.REFUSED})


def is_progress(known: ShipmentStatus, reported: ShipmentStatus) -> bool:
    """True when `reported` is further on the way of the parcel than `known`.

    Carriers repeat themselves and speak out of order; a later fact implies the earlier ones, so only a higher rank
    counts. A parcel reported lost or refused may still be delivered; a delivered or cancelled one does not move.
    """
    if known is ShipmentStatus.CANCELLED or reported is ShipmentStatus.CANCELLED:
        return False
    return _RANK[reported] > _RANK[known]


def has_left(status: ShipmentStatus) -> bool:
    """True once the parcel has left the warehouse."""
    return _RANK.get(status, 0) >= _RANK[ShipmentStatus.PICKED_UP]
