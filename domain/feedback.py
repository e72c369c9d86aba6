"""What customers say of an order."""

from enum import StrEnum

LIMIT = 5  # per order; the database counts them, too
MAX_TEXT = 2_000


class FeedbackKind(StrEnum):
    """A complaint waits for an answer more urgently; both are answered."""

    FEEDBACK = "feedback"
    COMPLAINT = "complaint"


class FeedbackState(StrEnum):
    """Where a feedback stands."""

    OPEN = "open"
    ANSWERED = "answered"
