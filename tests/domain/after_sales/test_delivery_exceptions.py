"""When a lost or refused parcel is the customer's to decide, and what a warehouse may take back of it."""

import itertools

import pytest

from domain.after_sales.delivery_exceptions import (
    ParcelState,
    ReturningParcel,
    exception_actions,
    exception_among,
    units_back,
)
from domain.errors import Conflict
from domain.orders.status import Status
from domain.shipping.shipments import ShipmentStatus

UNDELIVERED = {ShipmentStatus.LOST, ShipmentStatus.REFUSED}


def test_only_a_shipped_order_with_a_lost_or_refused_parcel_has_an_exception() -> None:
    for status, cancelling, parcel, replaced in itertools.product(Status, (False, True), ShipmentStatus, (False, True)):
        is_one = status is Status.SHIPPED and not cancelling and parcel in UNDELIVERED and not replaced
        parcels = [ParcelState(parcel, replaced)]
        assert exception_among(status, cancelling, parcels) == (0 if is_one else None)
        assert exception_actions(status, cancelling, parcels) == (["reship", "refund_lost"] if is_one else [])


def test_the_parcel_that_replaces_another_is_the_one_to_decide_about() -> None:
    first, second = ParcelState(ShipmentStatus.LOST, replaced=True), ParcelState(ShipmentStatus.REFUSED, replaced=False)
    assert exception_among(Status.SHIPPED, False, [first, second]) == 1
    assert exception_among(Status.SHIPPED, False, []) is None


@pytest.mark.parametrize("status", ShipmentStatus)
def test_a_parcel_comes_back_once_and_only_when_it_was_given_up(status: ShipmentStatus) -> None:
    contents = {"TEA": 2}
    for came_back, given_up in itertools.product((False, True), repeat=2):
        parcel = ReturningParcel(status, came_back, given_up, contents)
        if not came_back and given_up and status in UNDELIVERED:
            assert units_back(parcel, None) == contents
            continue
        with pytest.raises(Conflict) as refused:
            units_back(parcel, None)
        assert refused.value.code == ("parcel_came_back" if came_back else "parcel_not_expected")


@pytest.mark.parametrize(
    ("arrived", "units"),
    [
        (None, {"TEA": 2, "CUP": 1}),
        ({"TEA": 1}, {"TEA": 1}),
        ({"TEA": 2, "CUP": 1}, {"TEA": 2, "CUP": 1}),
        ({"TEA": 3}, None),
        ({"POT": 1}, None),
    ],
)
def test_no_more_comes_back_than_was_sent(arrived: dict[str, int] | None, units: dict[str, int] | None) -> None:
    parcel = ReturningParcel(ShipmentStatus.LOST, False, True, {"TEA": 2, "CUP": 1})
    if units is not None:
        assert units_back(parcel, arrived) == units
        return
    with pytest.raises(Conflict) as refused:
        units_back(parcel, arrived)
    assert refused.value.code == "more_than_sent"
    assert refused.value.detail == "in this parcel were only 1 of CUP, 2 of TEA"
