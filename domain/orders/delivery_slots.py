"""Delivery slots: the time in which the customer wants the parcel."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.errors import RuleBroken
from domain.text import counted
from domain.times import rfc3339

MIN_LENGTH = timedelta(hours=1)
# A day on which clocks go back has 25 hours.
MAX_LENGTH = timedelta(hours=25)
MAX_BY_THE_CLOCK = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class TimeSlot:
    """From `start` to before `end`, both in UTC and of whole minutes; 1 to 24 hours long by the clock of the
    destination."""

    start: datetime
    end: datetime


def as_json(slot: TimeSlot | None) -> dict[str, str] | None:
    """As everybody outside reads it: {from, to} in RFC 3339."""
    return {"from": rfc3339(slot.start), "to": rfc3339(slot.end)} if slot else None


def slot_of(begin: str, to: str) -> TimeSlot:
    """The slot between two moments, each RFC 3339 with its offset. Raises RuleBroken `invalid_delivery_slot`."""
    start, end = _moment(begin, "from"), _moment(to, "to")
    if not MIN_LENGTH <= end - start <= MAX_LENGTH:
        raise _invalid("`to` is 1 to 24 hours after `from`")
    return TimeSlot(start, end)


def require_ahead(slot: TimeSlot, now: datetime, days: int) -> None:
    """Refuse a slot that is over, or begins later than in `days`. Raises RuleBroken `invalid_delivery_slot`."""
    if slot.end <= now:
        raise _invalid("the slot is over: choose one that is still to come")
    if slot.start > now + timedelta(days=days):
        raise _invalid(f"the slot begins within {counted(days, 'day')}")


def require_length(slot: TimeSlot, zone: ZoneInfo) -> None:
    """Refuse a slot of more than 24 hours, passing or by the clock in `zone`: a day has 23 or 25 when clocks change.

    Raises RuleBroken `invalid_delivery_slot`.
    """
    begin, end = (moment.astimezone(zone).replace(tzinfo=None) for moment in (slot.start, slot.end))
    if min(end - begin, slot.end - slot.start) > MAX_BY_THE_CLOCK:
        raise _invalid("`to` is 1 to 24 hours after `from`")


def _moment(typed: str, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(typed)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC).replace(second=0, microsecond=0)
    except (ValueError, OverflowError):
        pass
    raise _invalid(f"`{name}` is a date and time with its offset, like 2026-03-01T09:00:00+08:00")


def _invalid(detail: str) -> RuleBroken:
    return RuleBroken("invalid_delivery_slot", detail)
