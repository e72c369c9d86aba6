"""The fulfilment status of an order, case by case."""

import pytest

from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState, fulfilment_state
from domain.shipping.shipments import ShipmentStatus

S, F, P = Status, FulfilmentState, ShipmentStatus


@pytest.mark.parametrize(
    ("status", "parcel", "held", "expected"),
    [
        (S.RECEIVED, None, False, F.UNFULFILLED),
        (S.PAID, None, False, F.UNFULFILLED),
        (S.PAID, P.BOOKING, False, F.UNFULFILLED),
        (S.PAID, None, True, F.ON_HOLD),
        (S.PREPARING, P.BOOKED, True, F.BOOKED),
        (S.PREPARING, P.BOOKED, False, F.BOOKED),
        (S.SHIPPED, P.PICKED_UP, False, F.IN_TRANSIT),
        (S.SHIPPED, P.IN_TRANSIT, False, F.IN_TRANSIT),
        (S.SHIPPED, P.LOST, False, F.DELIVERY_FAILED),
        (S.SHIPPED, P.REFUSED, False, F.DELIVERY_FAILED),
        (S.SHIPPED, None, True, F.UNFULFILLED),  # another parcel is to be booked
        (S.SHIPPED, P.DELIVERED, False, F.DELIVERED),
        (S.DELIVERED, None, False, F.DELIVERED),
        (S.COMPLETED, P.DELIVERED, False, F.DELIVERED),
        (S.CANCELLED, None, False, F.CANCELLED),
        (S.CANCELLED, P.LOST, True, F.CANCELLED),
    ],
)
def test_the_fulfilment_status_of_an_order(
    status: Status, parcel: ShipmentStatus | None, held: bool, expected: FulfilmentState
) -> None:
    assert fulfilment_state(status, parcel, held=held) is expected
