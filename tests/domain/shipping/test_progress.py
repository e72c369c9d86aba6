"""Which events follow from a scan, for every status of the order and every scan."""

import itertools

import pytest

from domain.orders.status import TRANSITIONS, OrderEvent, Status
from domain.shipping.progress import OrderPosition, ProgressStep, ProgressWait, progress
from domain.shipping.shipments import ShipmentStatus

S, P, E = Status, ShipmentStatus, OrderEvent
BOOKED = ProgressStep(E.SHIPMENT_BOOKED)
PICKED_UP = ProgressStep(E.SHIPMENT_PICKED_UP, ProgressWait.DELIVERY, ships=True)
REPLACEMENT = ProgressStep("replacement_picked_up", ProgressWait.DELIVERY, ships=True, if_shipped=True)
DELIVERED = ProgressStep(E.SHIPMENT_DELIVERED, ProgressWait.RETURN_WINDOW)
LOST, REFUSED = ProgressStep("shipment_lost"), ProgressStep("shipment_refused")
ON_ITS_WAY = (P.PICKED_UP, P.IN_TRANSIT)
STILL_THERE = (P.BOOKING, P.BOOKED, P.CANCELLED)
# (status of the order, scans) -> events. Neither a cancellation nor an earlier parcel changes them.
TABLE: dict[tuple[Status, tuple[ShipmentStatus, ...]], tuple[ProgressStep, ...]] = {
    (S.PAID, STILL_THERE): (BOOKED,),
    (S.PAID, ON_ITS_WAY): (BOOKED, PICKED_UP),
    (S.PAID, (P.LOST,)): (BOOKED, PICKED_UP, LOST),
    (S.PAID, (P.REFUSED,)): (BOOKED, PICKED_UP, REFUSED),
    (S.PREPARING, STILL_THERE): (),
    (S.PREPARING, ON_ITS_WAY): (PICKED_UP,),
    (S.PREPARING, (P.LOST,)): (PICKED_UP, LOST),
    (S.PREPARING, (P.REFUSED,)): (PICKED_UP, REFUSED),
    (S.SHIPPED, STILL_THERE): (),
}
UNMOVED = tuple(set(S) - {S.PAID, S.PREPARING, S.SHIPPED})
ANY = list(itertools.product((False, True), repeat=2))


@pytest.mark.parametrize(("status", "scans"), TABLE)
def test_a_scan_brings_the_order_to_where_its_parcel_is(status: S, scans: tuple[P, ...]) -> None:
    for scan, (cancelling, replaced) in itertools.product(scans, ANY):
        assert progress(OrderPosition(status, cancelling, replaced), scan) == TABLE[status, scans]


@pytest.mark.parametrize(
    ("status", "before"), [(S.PAID, (BOOKED, PICKED_UP)), (S.PREPARING, (PICKED_UP,)), (S.SHIPPED, ())]
)
def test_a_delivery_delivers_the_order_unless_it_is_being_cancelled(
    status: S, before: tuple[ProgressStep, ...]
) -> None:
    assert progress(OrderPosition(status, cancelling=False), P.DELIVERED) == (*before, DELIVERED)
    assert progress(OrderPosition(status, cancelling=True), P.DELIVERED) == before


@pytest.mark.parametrize(
    ("scan", "then"),
    [(P.PICKED_UP, ()), (P.IN_TRANSIT, ()), (P.DELIVERED, (DELIVERED,)), (P.LOST, (LOST,)), (P.REFUSED, (REFUSED,))],
)
def test_only_a_replacement_leaves_the_warehouse_of_a_shipped_order(scan: P, then: tuple[ProgressStep, ...]) -> None:
    assert progress(OrderPosition(S.SHIPPED, cancelling=False), scan) == then
    assert progress(OrderPosition(S.SHIPPED, cancelling=False, replaced=True), scan) == (REPLACEMENT, *then)


@pytest.mark.parametrize("status", sorted(UNMOVED))
def test_an_order_without_a_parcel_to_send_is_not_moved(status: S) -> None:
    exceptions = {P.LOST: (LOST,), P.REFUSED: (REFUSED,)}
    for scan, (cancelling, replaced) in itertools.product(P, ANY):
        assert progress(OrderPosition(status, cancelling, replaced), scan) == exceptions.get(scan, ())


def test_every_step_is_one_of_the_lifecycle() -> None:
    for status, scan, (cancelling, replaced) in itertools.product(S, P, ANY):
        reached = status
        for step in progress(OrderPosition(status, cancelling, replaced), scan):
            if isinstance(step.event, OrderEvent):
                reached = TRANSITIONS[reached, step.event]
