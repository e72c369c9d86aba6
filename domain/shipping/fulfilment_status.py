"""How far the goods of an order are: one word, by one rule."""

from collections.abc import Collection, Mapping
from enum import StrEnum

from domain.orders.status import DELIVERED_ORDERS, UNPAID, Status
from domain.shipping.fulfilments import FulfilmentStatus
from domain.shipping.shipments import UNDELIVERABLE, ShipmentStatus, has_left


class FulfilmentState(StrEnum):
    """The fulfilment of an order. `booked`: the carrier has not picked the parcel up."""

    UNFULFILLED = "unfulfilled"
    ON_HOLD = "on_hold"
    BOOKED = "booked"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    CANCELLED = "cancelled"


def fulfilment_state(status: Status, parcel: ShipmentStatus | None, *, held: bool) -> FulfilmentState:
    """`parcel` is the state of the parcel that goes out now; None while there is none, also after one was given up."""
    if status is Status.CANCELLED:
        return FulfilmentState.CANCELLED
    if status in DELIVERED_ORDERS or parcel is ShipmentStatus.DELIVERED:
        return FulfilmentState.DELIVERED
    if parcel in UNDELIVERABLE:
        return FulfilmentState.DELIVERY_FAILED
    if parcel is not None and has_left(parcel):
        return FulfilmentState.IN_TRANSIT
    if parcel is ShipmentStatus.BOOKED:
        return FulfilmentState.BOOKED
    held = held and (status in UNPAID or status is Status.PAID)
    return FulfilmentState.ON_HOLD if held else FulfilmentState.UNFULFILLED


# Where the parcel of a part is, the part that is least far first: a failed one waits for a person.
PARCEL_OF_PART: Mapping[FulfilmentStatus, ShipmentStatus] = {
    FulfilmentStatus.FAILED: ShipmentStatus.LOST,
    FulfilmentStatus.PLANNED: ShipmentStatus.BOOKING,
    FulfilmentStatus.RESERVED: ShipmentStatus.BOOKING,
    FulfilmentStatus.BOOKED: ShipmentStatus.BOOKED,
    FulfilmentStatus.PICKING: ShipmentStatus.BOOKED,
    FulfilmentStatus.PACKED: ShipmentStatus.BOOKED,
    FulfilmentStatus.SHIPPED: ShipmentStatus.PICKED_UP,
    FulfilmentStatus.DELIVERED: ShipmentStatus.DELIVERED,
}


def parcel_of_parts(parts: Collection[FulfilmentStatus]) -> ShipmentStatus | None:
    """What counts as the parcel of an order with several parts: that of the part that is least far. Cancelled parts do
    not count; None where no other is."""
    return next((parcel for part, parcel in PARCEL_OF_PART.items() if part in parts), None)


# The statuses that an order of each fulfilment status can have, found by the rule itself.
ORDER_STATUSES: Mapping[FulfilmentState, frozenset[Status]] = {
    state: frozenset(
        status
        for status in Status
        for parcel in (None, *ShipmentStatus)
        for held in (False, True)
        if fulfilment_state(status, parcel, held=held) is state
    )
    for state in FulfilmentState
}
