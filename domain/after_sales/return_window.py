"""The return window: until when goods of an order can be returned, and why not."""

from dataclasses import dataclass
from datetime import datetime

from domain.errors import Conflict
from domain.orders.status import Status
from domain.text import counted
from domain.times import rfc3339

_S_PER_DAY = 86_400


@dataclass(frozen=True, slots=True)
class ReturnWindow:
    """An order's window, as long as it was when the parcel was delivered.

    Without an end (`until` None) returns are accepted until the order is completed.
    """

    status: Status
    delivered_at: datetime | None
    until: datetime | None

    def is_over(self, now: datetime) -> bool:
        """True when the order is completed, or its time is over."""
        return self.status is Status.COMPLETED or (self.until is not None and now >= self.until)


def refusal(window: ReturnWindow, now: datetime) -> Conflict | None:
    """Why nothing of the order can be returned: `not_delivered`, `return_window_closed`. None when it can."""
    if window.status not in (Status.DELIVERED, Status.COMPLETED):
        return Conflict(
            "not_delivered", f"the order is {window.status}: what is delivered can be returned; cancel it instead"
        )
    return Conflict("return_window_closed", _closed(window)) if window.is_over(now) else None


def require_open(window: ReturnWindow, now: datetime) -> None:
    """Raises Conflict `not_delivered`, `return_window_closed`."""
    if (closed := refusal(window, now)) is not None:
        raise closed


def _closed(window: ReturnWindow) -> str:
    if window.until is None or window.delivered_at is None:
        return "returns are taken until the order is completed, and it is; support may still refund it"
    seconds = max((window.until - window.delivered_at).total_seconds(), 0)
    length = counted(round(seconds / _S_PER_DAY), "day") if seconds >= _S_PER_DAY else counted(round(seconds), "second")
    until = rfc3339(window.until.replace(microsecond=0))
    return f"returns are taken for {length} after delivery: for this order until {until}; support may still refund it"
