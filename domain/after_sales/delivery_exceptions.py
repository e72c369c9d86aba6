"""A parcel that is lost or refused: when it is an exception, what can be done, and what comes back of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import Conflict
from domain.orders.status import Status
from domain.shipping.shipments import UNDELIVERABLE, ShipmentStatus


@dataclass(frozen=True, slots=True)
class ParcelState:
    """A parcel as far as it decides about an exception; `replaced`: another parcel is sent instead of it, `given_up`:
    the part of the order that it is for was refunded."""

    status: ShipmentStatus
    replaced: bool
    given_up: bool = False


def exception_among(
    status: Status, cancelling: bool, parcels: Sequence[ParcelState], *, split: bool = False
) -> int | None:
    """The position of the parcel that the customer decides about; None where the order has no delivery exception. While
    parts of a `split` order are in preparation, another one can be lost."""
    if cancelling or not (status is Status.SHIPPED or (split and status is Status.PREPARING)):
        return None
    open_ones = (
        place
        for place, parcel in enumerate(parcels)
        if parcel.status in UNDELIVERABLE and not parcel.replaced and not parcel.given_up
    )
    return next(open_ones, None)


def exception_actions(
    status: Status, cancelling: bool, parcels: Sequence[ParcelState], *, split: bool = False
) -> list[str]:
    """What the customer may choose while a parcel of the order is lost or refused, in the words of the API."""
    return [] if exception_among(status, cancelling, parcels, split=split) is None else ["reship", "refund_lost"]


@dataclass(frozen=True, slots=True)
class ReturningParcel:
    """A parcel that a warehouse reports as come back. `given_up`: the order does not wait for it any more.

    `contents` are its units by SKU.
    """

    status: ShipmentStatus
    came_back: bool
    given_up: bool
    contents: Mapping[str, int]


def units_back(parcel: ReturningParcel, arrived: Mapping[str, int] | None) -> dict[str, int]:
    """The units by SKU that go into quarantine: what `arrived` says, or all that was in the parcel.

    Raises Conflict `parcel_came_back`, `parcel_not_expected`, `more_than_sent`.
    """
    if parcel.came_back:
        raise Conflict("parcel_came_back", "what was in this parcel is in quarantine already")
    if parcel.status not in UNDELIVERABLE or not parcel.given_up:
        raise Conflict(
            "parcel_not_expected", "this parcel is not on its way back: it was not lost or refused and given up"
        )
    units = dict(parcel.contents if arrived is None else arrived)
    if any(quantity > parcel.contents.get(sku, 0) for sku, quantity in units.items()):
        held = ", ".join(f"{quantity} of {sku}" for sku, quantity in sorted(parcel.contents.items())) or "nothing"
        raise Conflict("more_than_sent", "in this parcel were only {held}", held=held)
    return units
