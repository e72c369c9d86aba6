"""What an order waits for."""

from collections.abc import Sequence
from typing import Any

from domain.orders.status import TERMINAL, Status
from domain.times import rfc3339


def waiting_for(
    status: str, cancelling: str | None, waiting: dict[str, Any] | None, holds: Sequence[dict[str, Any]] = ()
) -> dict[str, Any] | None:
    """`{what, until, next}`: what the order waits for, until when, and what comes next; None when it is over."""
    if Status(status) in TERMINAL:
        return None
    if cancelling is None and (held := _held(status, holds)) is not None:
        return {"what": "hold", "until": held["until"], "next": _AFTER_HOLD[held["default_outcome"]]}
    if waiting is not None:
        until = waiting.get("until")
        return {
            "what": waiting.get("what"),
            "until": rfc3339(until) if until else None,
            "next": waiting.get("next"),
        }
    if cancelling is not None:
        return {"what": "cancellation", "until": None, "next": "the order shows cancelled"}
    if status == Status.RECEIVED:
        return {"what": "reservation", "until": None, "next": "stock is reserved"}
    return None


_AFTER_HOLD = {"release": "the order goes on", "cancel": "the order is cancelled"}


def _held(status: str, holds: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The open hold that stops the order now and whose deadline comes first."""
    open_ones = [hold for hold in holds if hold["closed_at"] is None and status in hold["stops"]]
    return min(open_ones, key=lambda hold: str(hold["until"]), default=None)
