"""Fulfilments that do not arrive when they were promised."""

from enum import StrEnum
from typing import Literal


class Lateness(StrEnum):
    """Of a fulfilment that is neither delivered nor cancelled. `passed`: the promised time is over. `moved`: it was
    promised again, and the new time is not over."""

    PASSED = "passed"
    MOVED = "moved"


def ways_of(late: Lateness | Literal["any"] | None) -> list[Lateness] | None:
    """The ways of being late that a filter names; None where it names none."""
    return None if late is None else list(Lateness) if late == "any" else [late]
