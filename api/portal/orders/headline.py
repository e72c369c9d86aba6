"""What the list and the page of an order call its state, both by the same rule."""

from collections.abc import Mapping
from typing import Any

from domain.orders.status import Status

_UNDELIVERED = frozenset({"parcel_lost", "parcel_refused"})
# While a shipped order waits for this, its second parcel is being packed.
_BEFORE_PICKUP = frozenset({"reservation", "stock", "carrier", "pickup", "supplier"})
# While an order that is not packed yet waits for this, its customer has nothing to pay and nothing is being packed.
_WITH_STAFF = frozenset({"on_hold", "looked_into"})


def headline(order: Mapping[str, Any], situation: Mapping[str, Any]) -> str:
    """The key of the words `state.{…}`."""
    status, code = order["status"], situation["code"]
    if order["cancelling"] and status != Status.CANCELLED:
        return "cancelling"
    if code in _UNDELIVERED:
        return "not_arrived"
    if status == Status.SHIPPED and code in _BEFORE_PICKUP:
        return "resending"
    if status in (Status.PENDING_PAYMENT, Status.PAID) and code in _WITH_STAFF:
        return "checking"
    return str(status)
