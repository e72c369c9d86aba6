"""Which orders can be cancelled, and why others cannot."""

from domain.errors import Conflict
from domain.orders.status import CANCELLABLE, TERMINAL, Status

# Support undoes an order whose parcel is lost or refused.
COMPENSATED = "compensated"


def refusal(status: Status, cancelling: bool) -> Conflict | None:
    """Why the order cannot be cancelled; None when it can. A status only moves forward: a refusal stays true."""
    if cancelling and status not in TERMINAL:
        return Conflict("not_cancellable", "the order is being cancelled already")
    if status in CANCELLABLE:
        return None
    what = "is over" if status in TERMINAL else "has left the warehouse; what is delivered can be returned"
    return Conflict("not_cancellable", f"the order is {status}: it {what}")


def may_begin(status: Status, cause: str) -> bool:
    """True when an order of this status is cancelled for `cause`; only compensation cancels one that has shipped."""
    return status in CANCELLABLE or (cause == COMPENSATED and status is Status.SHIPPED)
