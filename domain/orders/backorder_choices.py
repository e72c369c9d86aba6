"""What a customer may choose when the promised date of a backorder slips."""

from enum import StrEnum


class BackorderChoice(StrEnum):
    """`wait` for the later date, or `cancel` what is missing: its money goes back."""

    WAIT = "wait"
    CANCEL = "cancel"


def default_choice(slips: int, cancel_after: int) -> BackorderChoice:
    """For a customer who has not chosen in time: wait, until the date has slipped `cancel_after` times (0: always)."""
    return BackorderChoice.CANCEL if 0 < cancel_after <= slips else BackorderChoice.WAIT
