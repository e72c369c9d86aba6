"""Fulfilments: the parts in which an order ships, and what follows from them for the order."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.orders.status import Status
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


_UNBOOKED = frozenset({FulfilmentStatus.PLANNED, FulfilmentStatus.RESERVED})
_LEFT = frozenset({FulfilmentStatus.SHIPPED, FulfilmentStatus.DELIVERED, FulfilmentStatus.FAILED})


@dataclass(frozen=True, slots=True)
class FulfilmentProgress:
    """How many of an order's parts have shipped, and how many of those were delivered; cancelled ones do not count."""

    total: int
    shipped: int
    delivered: int


def progress_of(parts: Collection[FulfilmentStatus]) -> FulfilmentProgress:
    """Count them."""
    standing = [part for part in parts if part is not FulfilmentStatus.CANCELLED]
    shipped = sum(part in _LEFT for part in standing)
    return FulfilmentProgress(len(standing), shipped, standing.count(FulfilmentStatus.DELIVERED))


def order_status(parts: Collection[FulfilmentStatus]) -> Status:
    """The status of a paid order that ships in these parts: delivered when all are, shipped when all have left, and in
    preparation from the first booking on."""
    standing = [part for part in parts if part is not FulfilmentStatus.CANCELLED]
    if standing and all(part is FulfilmentStatus.DELIVERED for part in standing):
        return Status.DELIVERED
    if standing and all(part in _LEFT for part in standing):
        return Status.SHIPPED
    return Status.PAID if all(part in _UNBOOKED for part in standing) else Status.PREPARING


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
