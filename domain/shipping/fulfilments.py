"""Fulfilments: the parts in which an order ships, and what follows from them for the order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.orders.status import OrderEvent, Status
from domain.shipping.shipments import UNDELIVERABLE, ShipmentStatus, has_left


class FulfilmentStatus(StrEnum):
    """State of one part. `failed`: its parcel is lost or refused, and somebody decides what becomes of it."""

    PLANNED = "planned"
    RESERVED = "reserved"
    BOOKED = "booked"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FulfilmentKind(StrEnum):
    """What a part is: a parcel from stock, a parcel whose goods are made first, codes, or a service."""

    PARCEL = "parcel"
    PRODUCTION = "production"
    CODES = "codes"
    SERVICE = "service"


# Nothing of these is sent.
WITHOUT_PARCEL = frozenset({FulfilmentKind.CODES, FulfilmentKind.SERVICE})
# What a planned part waits for.
PLANNED_WAITS = {
    FulfilmentKind.PARCEL: "backorder",
    FulfilmentKind.PRODUCTION: "production",
    FulfilmentKind.CODES: "codes",
    FulfilmentKind.SERVICE: "service",
}

UNBOOKED = frozenset({FulfilmentStatus.PLANNED, FulfilmentStatus.RESERVED})
AT_WAREHOUSE = frozenset({FulfilmentStatus.BOOKED, FulfilmentStatus.PICKING, FulfilmentStatus.PACKED})
LEFT = frozenset({FulfilmentStatus.SHIPPED, FulfilmentStatus.DELIVERED, FulfilmentStatus.FAILED})


@dataclass(frozen=True, slots=True)
class FulfilmentProgress:
    """How many of an order's parts have shipped, and how many of those were delivered; cancelled ones do not count."""

    total: int
    shipped: int
    delivered: int


def progress_of(parts: Collection[FulfilmentStatus]) -> FulfilmentProgress:
    """Count them."""
    standing = [part for part in parts if part is not FulfilmentStatus.CANCELLED]
    shipped = sum(part in LEFT for part in standing)
    return FulfilmentProgress(len(standing), shipped, standing.count(FulfilmentStatus.DELIVERED))


def has_part_to_book(parts: Collection[FulfilmentStatus]) -> bool:
    """True for an order in several parts of which one is not booked yet."""
    return len(parts) > 1 and any(part in UNBOOKED for part in parts)


def order_status(parts: Collection[FulfilmentStatus]) -> Status:
    """The status of a paid order that ships in these parts: delivered when all are, shipped when all have left, and in
    preparation from the first booking on."""
    standing = [part for part in parts if part is not FulfilmentStatus.CANCELLED]
    if standing and all(part is FulfilmentStatus.DELIVERED for part in standing):
        return Status.DELIVERED
    if standing and all(part in LEFT for part in standing):
        return Status.SHIPPED
    return Status.PAID if all(part in UNBOOKED for part in standing) else Status.PREPARING


def status_by_parcel(order: Status, parcel: ShipmentStatus | None) -> FulfilmentStatus:
    """The status of the only part of an order, by its parcel that goes out now."""
    if order is Status.CANCELLED:
        return FulfilmentStatus.CANCELLED
    if order in (Status.DELIVERED, Status.COMPLETED) or parcel is ShipmentStatus.DELIVERED:
        return FulfilmentStatus.DELIVERED
    if parcel in UNDELIVERABLE:
        return FulfilmentStatus.FAILED
    if parcel is not None and has_left(parcel):
        return FulfilmentStatus.SHIPPED
    return FulfilmentStatus.BOOKED if parcel is ShipmentStatus.BOOKED else FulfilmentStatus.RESERVED


# How a paid order moves on with its parts.
_WAY = (Status.PAID, Status.PREPARING, Status.SHIPPED, Status.DELIVERED)
_EVENTS = (OrderEvent.SHIPMENT_BOOKED, OrderEvent.SHIPMENT_PICKED_UP, OrderEvent.SHIPMENT_DELIVERED)


def steps_to(status: Status, parts: Collection[FulfilmentStatus], *, cancelling: bool) -> tuple[OrderEvent, ...]:
    """The events that bring an order from `status` to where its parts are. While it is being cancelled its parcels are
    given up: then a delivery does not deliver the order."""
    if status not in _WAY:
        return ()
    steps = _EVENTS[_WAY.index(status) : _WAY.index(order_status(parts))]
    return tuple(step for step in steps if not (cancelling and step is OrderEvent.SHIPMENT_DELIVERED))


@dataclass(frozen=True, slots=True)
class Part:
    """A fulfilment of an order with several; `due_at`: until when its next step is expected."""

    number: int
    warehouse: str
    status: FulfilmentStatus
    due_at: datetime | None
    kind: FulfilmentKind = FulfilmentKind.PARCEL


def awaited(parts: Sequence[Part]) -> tuple[str, datetime | None]:
    """What an order with several parts waits for first, and until when: a pick-up, a booking, a delivery, or what a
    planned part waits for: its production, its stock, its codes or its service, what is sent first."""
    for what, statuses in (("pickup", AT_WAREHOUSE), ("carrier", {FulfilmentStatus.RESERVED})):
        if waiting := [part for part in parts if part.status in statuses]:
            return what, _earliest(waiting) if what == "pickup" else None
    planned = [part for part in parts if part.status is FulfilmentStatus.PLANNED]
    on_the_way = [part for part in parts if part.status in LEFT and part.status is not FulfilmentStatus.DELIVERED]
    if planned and not on_the_way:
        return planned_wait(planned)
    return "delivery", _earliest(on_the_way)


def planned_wait(planned: Sequence[Part]) -> tuple[str, datetime | None]:
    """What planned parts wait for, and until when: those of the first kind that is among them."""
    kind = next(kind for kind in PLANNED_WAITS if any(part.kind is kind for part in planned))
    return PLANNED_WAITS[kind], _earliest([part for part in planned if part.kind is kind])


def _earliest(parts: Sequence[Part]) -> datetime | None:
    open_ones = (part for part in parts if part.status is not FulfilmentStatus.DELIVERED)
    return min((part.due_at for part in open_ones if part.due_at is not None), default=None)
