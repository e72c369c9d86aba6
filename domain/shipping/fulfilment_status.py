"""How far the goods of an order are: one word, by one rule."""

from collections.abc import Mapping
from enum import StrEnum

from domain.orders.status import DELIVERED_ORDERS, UNPAID, Status
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
