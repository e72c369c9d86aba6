"""Manual transitions of an order, when an external event was never reported."""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import Conflict, NotFound, RuleBroken
from domain.orders.status import TRANSITIONS, OrderEvent, Status
from domain.shipping.fulfilments import FulfilmentStatus
from domain.support.steps import fits


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What a person says has happened: the shape of its value (all texts, all required), and whether money moved."""

    shape: dict[str, str]
    moves_money: bool = False


# What is not here has its own way: stock is reserved by the workflow, a cancellation undoes step by step.
ADJUSTMENTS: dict[OrderEvent, Adjustment] = {
    OrderEvent.PAYMENT_RECORDED: Adjustment(
        {"reference": "the bank's reference of the money that came"}, moves_money=True
    ),
    OrderEvent.SHIPMENT_RECORDED: Adjustment(
        {"carrier": "who carries the parcel", "tracking_no": "its tracking number"}
    ),
    OrderEvent.SHIPMENT_PICKED_UP: Adjustment({}),
    OrderEvent.SHIPMENT_DELIVERED: Adjustment({}),
    OrderEvent.RETURN_WINDOW_CLOSED: Adjustment({}),
}

OF_PARCELS = (OrderEvent.SHIPMENT_RECORDED, OrderEvent.SHIPMENT_PICKED_UP, OrderEvent.SHIPMENT_DELIVERED)
# What can be reported of one of several parts, and the status that it leads to.
_OF_PART = {
    FulfilmentStatus.RESERVED: (OrderEvent.SHIPMENT_RECORDED, FulfilmentStatus.BOOKED),
    FulfilmentStatus.BOOKED: (OrderEvent.SHIPMENT_PICKED_UP, FulfilmentStatus.SHIPPED),
    FulfilmentStatus.PICKING: (OrderEvent.SHIPMENT_PICKED_UP, FulfilmentStatus.SHIPPED),
    FulfilmentStatus.PACKED: (OrderEvent.SHIPMENT_PICKED_UP, FulfilmentStatus.SHIPPED),
    FulfilmentStatus.SHIPPED: (OrderEvent.SHIPMENT_DELIVERED, FulfilmentStatus.DELIVERED),
}
_SHIPS = (Status.PAID, Status.PREPARING, Status.SHIPPED)


@dataclass(frozen=True, slots=True)
class AdjustablePart:
    """A fulfilment of an order that has several."""

    fulfilment_id: str
    number: int
    warehouse: str
    status: FulfilmentStatus

    def adjustment(self, order: Status) -> tuple[OrderEvent, FulfilmentStatus] | None:
        """What can be reported of its parcel while the order, which is neither stuck nor held, has this status."""
        return _OF_PART.get(self.status) if order in _SHIPS else None


def named_part(
    event: OrderEvent, order: Status, parts: Sequence[AdjustablePart], fulfilment_id: str | None
) -> AdjustablePart | None:
    """The part whose parcel is meant; None where the event is about the whole order.

    Raises RuleBroken `fulfilment_unclear`, NotFound `fulfilment_not_found`, Conflict `adjustment_not_possible`.
    """
    if event not in OF_PARCELS or not parts:
        return None
    if fulfilment_id is None:
        raise RuleBroken("fulfilment_unclear")
    part = next((one for one in parts if one.fulfilment_id == fulfilment_id), None)
    if part is None:
        raise NotFound("fulfilment_not_found")
    possible = part.adjustment(order)
    if possible is None or possible[0] is not event:
        said = f"of a fulfilment that is {part.status} can be said: {possible[0] if possible else 'nothing'}"
        raise Conflict("adjustment_not_possible", said)
    return part


def adjustments(status: Status, *, cancelling: bool, parked: bool, held: bool) -> dict[OrderEvent, Status]:
    """What may be adjusted now, and the status that it leads to.

    Nothing while the order is undone, stuck (then the step is resolved) or held (then it is released).
    """
    if cancelling or parked or held:
        return {}
    return {event: TRANSITIONS[status, event] for event in ADJUSTMENTS if (status, event) in TRANSITIONS}


def check_adjustment(event: OrderEvent, value: object) -> str | None:
    """Why `value` does not fit, in words that tell the shape; None when it fits."""
    return fits(event, ADJUSTMENTS[event].shape, value)
