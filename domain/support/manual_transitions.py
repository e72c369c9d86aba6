"""Manual transitions of an order, when an external event was never reported."""

from dataclasses import dataclass

from domain.orders.status import TRANSITIONS, OrderEvent, Status
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
