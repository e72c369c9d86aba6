"""What decides where an order stands, as the database and the workflow know it. Times are RFC 3339 in UTC, or empty."""

from dataclasses import dataclass

from domain.json_types import JsonObject
from domain.orders.holds import HoldKind, Outcome
from domain.orders.status import Status
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.support.steps import Step
from domain.times import rfc3339


@dataclass(frozen=True, slots=True)
class Waiting:
    """`what` the order waits for, until when, and `then` what happens; the last two may be empty."""

    what: str
    until: str = ""
    then: str = ""


# What follows, by the words in which the timeline stores it.
_THEN = {
    "stock is reserved": "stock_reserved",
    "the carrier is booked": "carrier_booked",
    "the carrier is booked again": "carrier_booked",
    "the carrier delivers": "carrier_delivers",
    "support looks into it": "support_alerted",
    "the change is undone": "change_cancelled",
    "the order is completed": "completed",
    "the order is cancelled": "cancelled",
    "the order is cancelled and its stock freed": "cancelled",
    "the order shows cancelled": "shows_cancelled",
    "stock is released and money returned, then the order shows cancelled": "shows_cancelled",
    "the order goes on": "continues",
    "the missing items are cancelled": "missing_cancelled",
    "the warehouse is alerted": "warehouse_alerted",
    "the codes are sent": "codes_sent",
    "it counts as performed": "performed",
}


def waiting_from(stored: JsonObject | None) -> Waiting | None:
    """What the timeline stores as `{what, until, next}`; words that are not known are left out."""
    if stored is None:
        return None
    then = _THEN.get(stored.get("next") or "", "")
    what = "change_payment" if then == "change_cancelled" else str(stored.get("what") or "")
    until = stored.get("until")
    return Waiting(what, rfc3339(until) if until else "", then)


@dataclass(frozen=True, slots=True)
class ParkedStep:
    """An open parked step; `escalates_at` is when operations are alerted, `escalated` that they were.

    `since` is empty where it is not known, `parcel` is the tracking number where its delivery failed, `part` the number
    of the fulfilment that it is about (0: the order as a whole).
    """

    step: Step
    error: str
    attempts: int = 1
    escalates_at: str = ""
    escalated: bool = False
    since: str = ""
    parcel: str = ""
    part: int = 0


@dataclass(frozen=True, slots=True)
class RetryingStep:
    """A step whose last attempt, number `attempt`, failed; `max_attempts` 0 is without limit.

    `paused` says that a person stopped it; `paused_by` and `reason` are empty where that is not known.
    """

    step: str
    error: str
    attempt: int
    max_attempts: int = 0
    next_attempt_at: str = ""
    paused: bool = False
    paused_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpenHold:
    """The open hold that stops the order now and whose deadline comes first. `owner` is a role, or `role:name`.

    `put_on_by` is empty and `default_outcome` None where they are not known.
    """

    kind: HoldKind
    owner: str
    until: str
    put_on_by: str = ""
    default_outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class WorkflowError:
    """The code of the order's workflow fails, in this deployment version (empty: not known)."""

    build_id: str = ""


@dataclass(frozen=True, slots=True)
class PartOfOrder:
    """A fulfilment of an order that has several; `due`: until when its next step is expected."""

    number: int
    status: FulfilmentStatus
    kind: FulfilmentKind = FulfilmentKind.PARCEL
    due: str = ""


@dataclass(frozen=True, slots=True)
class SituationFacts:
    """Everything that decides; `cancelling` is the cause of a cancellation that is not done yet, or None; `parts` are
    empty for an order that ships in one."""

    status: Status
    cancelling: str | None = None
    waiting: Waiting | None = None
    hold: OpenHold | None = None
    parked: ParkedStep | None = None
    retrying: RetryingStep | None = None
    workflow_error: WorkflowError | None = None
    parts: tuple[PartOfOrder, ...] = ()
