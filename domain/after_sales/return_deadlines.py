"""What is due on a return without anybody's doing: its deadlines, and what becomes of its label."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from domain.after_sales.returns import CLOSED, COMING, ReturnDue, ReturnStatus

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_GIVEN_UP = frozenset({ReturnStatus.CANCELLED, ReturnStatus.EXPIRED})


class LabelStatus(StrEnum):
    """Status of the label for the customer's parcel. A label that is `wanted` and was tried may be booked."""

    NONE = "none"
    WANTED = "wanted"
    BOOKED = "booked"
    FAILED = "failed"


class LabelWork(StrEnum):
    """What is to be done about a label: `wanted` is to be booked, `unused` is to be given back."""

    NONE = "none"
    WANTED = "wanted"
    BOOKED = "booked"
    FAILED = "failed"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnFacts:
    """As much of a return as its deadlines and its label depend on. `parcel` is what its carrier reported last."""

    status: ReturnStatus
    deadline: datetime | None
    remind_at: datetime | None
    reminded_at: datetime | None
    default_outcome: ReturnDue | None
    label: LabelStatus
    label_tries: int
    parcel: str | None


@dataclass(frozen=True, slots=True)
class NextDue:
    """What is due next on a return, and when."""

    action: ReturnDue
    at: datetime


def next_due(facts: ReturnFacts, *, settled: bool) -> NextDue | None:
    """None if nothing happens automatically. `settled`: what its inspection began is at its end."""
    if facts.status in CLOSED:
        return None
    if facts.status is ReturnStatus.INSPECTED:
        return NextDue(ReturnDue.COMPLETE, _BEGINNING) if settled else None
    if facts.remind_at is not None and facts.reminded_at is None:
        return NextDue(ReturnDue.REMIND, facts.remind_at)
    if facts.deadline is None or facts.default_outcome is None:
        return None
    return NextDue(facts.default_outcome, facts.deadline)


def label_work(facts: ReturnFacts) -> LabelWork:
    """Nothing is booked for a return that is over, and what was booked, or may have been, is given back."""
    if is_label_unused(facts):
        return LabelWork.UNUSED
    if facts.label is LabelStatus.WANTED and facts.status not in COMING:
        return LabelWork.NONE
    return LabelWork(facts.label)


def is_label_unused(facts: ReturnFacts) -> bool:
    """Whether its carrier may have given a label for a parcel that nobody sends."""
    asked_for = facts.label is LabelStatus.BOOKED or (facts.label is LabelStatus.WANTED and facts.label_tries > 0)
    return asked_for and facts.status in _GIVEN_UP and facts.parcel is None
