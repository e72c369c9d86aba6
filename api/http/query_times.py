"""Times in queries: a moment with its offset, or a whole day."""

import re
from datetime import UTC, date, datetime, time, timedelta

from api.errors import Problem

MAX_CHARS = 40
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
# In an address + is a space: an offset that was not written with %2B is still understood.
_SPACED_OFFSET = re.compile(r"(T.*) (\d{2}:?\d{2})$")


def begin_of(typed: str | None, name: str) -> datetime | None:
    """The moment, or the beginning of the day in UTC. Raises Problem `invalid_time`, `time_without_offset`."""
    return _read(typed, name, timedelta())


def end_of(typed: str | None, name: str) -> datetime | None:
    """The moment, or the end of the day in UTC, which it includes. Raises as `begin_of` does."""
    return _read(typed, name, timedelta(days=1))


def _read(typed: str | None, name: str, whole_day: timedelta) -> datetime | None:
    if typed is None:
        return None
    try:
        if _DAY.fullmatch(typed):
            return datetime.combine(date.fromisoformat(typed), time(), UTC) + whole_day
        found = datetime.fromisoformat(_SPACED_OFFSET.sub(r"\1+\2", typed)) if "T" in typed else None
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None:
        raise Problem("invalid_time", f"{name} is a day like 2026-11-24, or a time like 2026-11-24T09:30:00Z")
    raise Problem("time_without_offset", f"{name} needs an offset: 2026-11-24T09:30:00Z or …+08:00; or name a day")
