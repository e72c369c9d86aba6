"""Parcel progress: which events of the order follow from a scan of its parcel."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.orders.status import OrderEvent, Status
from domain.shipping.shipments import UNDELIVERABLE, ShipmentStatus, has_left


@dataclass(frozen=True, slots=True)
class OrderPosition:
    """Where an order stands. `replaced`: an earlier parcel of it was given up, and another is sent instead."""

    status: Status
    cancelling: bool
    replaced: bool = False


class ProgressWait(StrEnum):
    """What the order waits for after a step."""

    DELIVERY = "delivery"
    RETURN_WINDOW = "return_window"


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """An event of the order. An OrderEvent moves its status; every other one is only on the timeline.

    `ships`: the reserved units leave the warehouse. `if_shipped`: the event happens only when there were some.
    """

    event: OrderEvent | str
    wait: ProgressWait | None = None
    ships: bool = False
    if_shipped: bool = False


_BOOKED = ProgressStep(OrderEvent.SHIPMENT_BOOKED)
_PICKED_UP = ProgressStep(OrderEvent.SHIPMENT_PICKED_UP, ProgressWait.DELIVERY, ships=True)
_REPLACEMENT = ProgressStep("replacement_picked_up", ProgressWait.DELIVERY, ships=True, if_shipped=True)
_DELIVERED = ProgressStep(OrderEvent.SHIPMENT_DELIVERED, ProgressWait.RETURN_WINDOW)


def progress(order: OrderPosition, scan: ShipmentStatus) -> tuple[ProgressStep, ...]:
    """The steps that bring the order to where its parcel is: a later scan implies the earlier ones.

    While a shipped order is being cancelled its parcel is given up: then a delivery does not deliver the order.
    """
    return tuple(_steps(order, scan))


def _steps(order: OrderPosition, scan: ShipmentStatus) -> Iterator[ProgressStep]:
    booked = order.status in (Status.PAID, Status.PREPARING)
    left = has_left(scan)
    if order.status is Status.PAID:
        yield _BOOKED
    if booked and left:
        yield _PICKED_UP
    elif order.status is Status.SHIPPED and order.replaced and left:
        yield _REPLACEMENT
    shipped = order.status is Status.SHIPPED or (booked and left)
    if scan is ShipmentStatus.DELIVERED and shipped and not order.cancelling:
        yield _DELIVERED
    elif scan in UNDELIVERABLE:
        yield ProgressStep(f"shipment_{scan}")
