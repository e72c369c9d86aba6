"""Disputes: how the shop answers one."""

from enum import StrEnum


class DisputeAnswer(StrEnum):
    """With evidence, or by accepting that the money is lost."""

    EVIDENCE = "evidence"
    ACCEPTED = "accepted"
