"""Disputes: their lifecycle, and how the shop answers one.

`DISPUTE_TRANSITIONS` is the single source: the tests compare the database's guard with it.
"""

from collections.abc import Mapping
from enum import StrEnum


class DisputeStatus(StrEnum):
    """Status of a dispute. While it is open, and when it is lost, its money is not the shop's."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


DISPUTE_TRANSITIONS: Mapping[DisputeStatus, frozenset[DisputeStatus]] = {
    DisputeStatus.OPEN: frozenset({DisputeStatus.WON, DisputeStatus.LOST}),
    DisputeStatus.WON: frozenset(),
    DisputeStatus.LOST: frozenset(),
}


class DisputeAnswer(StrEnum):
    """With evidence, or by accepting that the money is lost."""

    EVIDENCE = "evidence"
    ACCEPTED = "accepted"
