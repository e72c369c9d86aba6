"""The date on which goods are expected."""

from datetime import UTC, date, datetime, time, timedelta

from domain.errors import RuleBroken

_FARTHEST = timedelta(days=730)


def expected_date(typed: str, today: date) -> date:
    """The date that was typed (2026-05-01): today or later, within two years.

    Raises RuleBroken `invalid_expected_date`.
    """
    try:
        found = date.fromisoformat(typed)
    except ValueError:
        raise RuleBroken("invalid_expected_date") from None
    if not today <= found <= today + _FARTHEST or len(typed) != len("2026-05-01"):
        raise RuleBroken("invalid_expected_date")
    return found


def end_of(day: date) -> datetime:
    """When the day is over, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), UTC)
