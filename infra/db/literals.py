"""Enumerations as SQL literals. A partial index serves a query only where its values are literals, not parameters."""

from collections.abc import Iterable
from enum import StrEnum


def literals(values: Iterable[StrEnum]) -> str:
    """The values for an IN list: `'approved', 'requested'`."""
    return ", ".join(f"'{value}'" for value in sorted(values))
