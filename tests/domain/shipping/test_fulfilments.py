"""The status of an order follows from the parts in which it ships."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.orders.status import Status, next_status
from domain.shipping.fulfilments import (
    FulfilmentProgress,
    FulfilmentStatus,
    order_status,
    progress_of,
    status_by_parcel,
    steps_to,
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


# How a part goes on: each step forward, and the ways in which it is given up or sent again.
_FORWARD = {
    F.PLANNED: (F.RESERVED, F.CANCELLED),
    F.RESERVED: (F.BOOKED, F.SHIPPED, F.CANCELLED),
    F.BOOKED: (F.PICKING, F.SHIPPED, F.RESERVED),
    F.PICKING: (F.PACKED, F.SHIPPED),
    F.PACKED: (F.SHIPPED,),
    F.SHIPPED: (F.DELIVERED, F.FAILED),
    F.FAILED: (F.DELIVERED, F.RESERVED, F.CANCELLED),
}
_WAY = (Status.PAID, Status.PREPARING, Status.SHIPPED, Status.DELIVERED)


@given(st.integers(2, 4), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=40))
def test_whatever_its_parts_do_an_order_only_goes_forward_along_its_lifecycle(
    count: int, moves: list[tuple[int, int]]
) -> None:
    """Also where a part is recalled or sent again: the order keeps the status that it has reached."""
    status, parts = Status.PAID, [F.RESERVED] * count
    for place, way in moves:
        part = place % count
        if ways := _FORWARD.get(parts[part], ()):
            parts[part] = ways[way % len(ways)]
        for step in steps_to(status, parts, cancelling=False):
            after = next_status(status, step)
            assert after is not None and _WAY.index(after) == _WAY.index(status) + 1
            status = after
        if all(one is F.DELIVERED for one in parts):
            assert status is Status.DELIVERED
        if status is Status.DELIVERED:
            assert {one for one in parts if one is not F.CANCELLED} == {F.DELIVERED}
            break
