"""What an order waits for."""

from collections.abc import Sequence
from typing import TypedDict

from domain.orders.holds import stops_now
from domain.orders.status import TERMINAL, Status
from domain.times import rfc3339


class Waiting(TypedDict):
    """What is waited for, until when (RFC 3339 in UTC, None without limit), and what comes next."""

    what: str | None
    until: str | None
    next: str | None


class HoldFacts(TypedDict):
    """As much of a hold as the rule reads: the statuses that it `stops`, and its deadline."""

    closed_at: str | None
    stops: Sequence[str]
    until: str
    default_outcome: str


def waiting_for(
    status: str, cancelling: str | None, waiting: Waiting | None, holds: Sequence[HoldFacts] = ()
) -> Waiting | None:
    """What the order waits for; None when it is over."""
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


def _held(status: str, holds: Sequence[HoldFacts]) -> HoldFacts | None:
    """The open hold that stops the order now and whose deadline comes first."""
    open_ones = [hold for hold in holds if hold["closed_at"] is None and stops_now(Status(status), hold["stops"])]
    return min(open_ones, key=lambda hold: str(hold["until"]), default=None)
