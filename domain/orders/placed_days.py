"""Ranges of days that end today: "the last 7 days" of a list and of a saved view."""

from datetime import UTC, datetime, time, timedelta

MAX_DAYS = 366


def since_days(begin: datetime | None, days: int | None, now: datetime) -> datetime | None:
    """The later of `begin` and the beginning of the last `days` days in UTC, of which today is one."""
    if days is None:
        return begin
    first = datetime.combine(now.astimezone(UTC).date() - timedelta(days=days - 1), time(), UTC)
    return first if begin is None else max(begin, first)
