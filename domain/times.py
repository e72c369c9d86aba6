"""How a time is written for everybody outside: RFC 3339 in UTC with a Z."""

from datetime import UTC, datetime


def rfc3339(moment: datetime | str) -> str:
    """The moment, also one that is written with another offset, in UTC with a Z."""
    known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return known.astimezone(UTC).isoformat().replace("+00:00", "Z")
