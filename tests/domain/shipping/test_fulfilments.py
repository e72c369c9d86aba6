"""The status of an order follows from the parts in which it ships."""

import pytest

from domain.orders.status import Status
from domain.shipping.fulfilments import (
    FulfilmentProgress,
    FulfilmentStatus,
    order_status,
    progress_of,
    status_by_parcel,
)
from domain.shipping.shipments import ShipmentStatus

F = FulfilmentStatus


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([F.RESERVED], Status.PAID),
        ([F.PLANNED, F.RESERVED], Status.PAID),
        ([F.BOOKED, F.RESERVED], Status.PREPARING),
        ([F.PICKING, F.PLANNED], Status.PREPARING),
        ([F.SHIPPED, F.RESERVED], Status.PREPARING),
        ([F.DELIVERED, F.PACKED], Status.PREPARING),
        ([F.SHIPPED, F.SHIPPED], Status.SHIPPED),
        ([F.SHIPPED, F.DELIVERED], Status.SHIPPED),
        ([F.FAILED, F.DELIVERED], Status.SHIPPED),
        ([F.DELIVERED, F.DELIVERED], Status.DELIVERED),
        ([F.DELIVERED, F.CANCELLED], Status.DELIVERED),
        ([F.SHIPPED, F.CANCELLED], Status.SHIPPED),
        ([F.CANCELLED], Status.PAID),
    ],
)
def test_the_status_of_an_order_follows_from_its_parts(parts: list[F], status: Status) -> None:
    assert order_status(parts) is status


def test_progress_counts_what_has_left() -> None:
    assert progress_of([F.SHIPPED, F.DELIVERED, F.BOOKED, F.CANCELLED]) == FulfilmentProgress(3, 2, 1)


@pytest.mark.parametrize(
    ("order", "parcel", "status"),
    [
        (Status.PAID, None, F.RESERVED),
        (Status.PAID, ShipmentStatus.BOOKING, F.RESERVED),
        (Status.PREPARING, ShipmentStatus.BOOKED, F.BOOKED),
        (Status.SHIPPED, ShipmentStatus.IN_TRANSIT, F.SHIPPED),
        (Status.SHIPPED, ShipmentStatus.LOST, F.FAILED),
        (Status.SHIPPED, ShipmentStatus.DELIVERED, F.DELIVERED),
        (Status.COMPLETED, None, F.DELIVERED),
        (Status.CANCELLED, ShipmentStatus.BOOKED, F.CANCELLED),
    ],
)
def test_the_only_part_of_an_order_follows_its_parcel(order: Status, parcel: ShipmentStatus | None, status: F) -> None:
    assert status_by_parcel(order, parcel) is status
