"""Where an order stands: its state, the cause, who acts next, until when, and what happens then.

The order page, the orders table, the API, the portal and Temporal's current details show what `situation_of` says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.orders.holds import Outcome
from domain.orders.status import TERMINAL, Status
from domain.situations.facts import OpenHold, ParkedStep, RetryingStep, SituationFacts, Waiting
from domain.situations.parts import PartsOfSituation, parts_of, planned_wait
from domain.support.steps import Step


class State(StrEnum):
    """`waiting` is normal: somebody outside acts next. `in_progress`: the system is working on the order."""

    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RETRYING = "retrying"
    PAUSED = "paused"
    NEEDS_ATTENTION = "needs_attention"
    ON_HOLD = "on_hold"
    WORKFLOW_ERROR = "workflow_error"
    CLOSED = "closed"


class Owner(StrEnum):
    """Who acts next."""

    SYSTEM = "system"
    CUSTOMER = "customer"
    SUPPORT = "support"
    FINANCE = "finance"
    WAREHOUSE = "warehouse"
    OPERATIONS = "operations"
    ENGINEERING = "engineering"
    CARRIER = "carrier"
    PAYMENT_PROVIDER = "payment_provider"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time, RFC 3339 in UTC. `near`: seconds count."""

    at: str
    near: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A code with words of its own; `group` is `step`, `error` or `hold`."""

    group: str
    code: str


Value = str | int | Moment | Code


@dataclass(frozen=True, slots=True)
class Situation:
    """`code` names the sentence, `values` fill it. `then` is a code too, or empty; `until` RFC 3339 in UTC, or empty.

    `step` is the step that retries, is paused or needs attention, `since` when it failed for good; `parts` how far the
    parts of a split order are.
    """

    state: State
    code: str
    owner: Owner | None
    values: Mapping[str, Value] = field(default_factory=dict)
    until: str = ""
    then: str = ""
    step: str = ""
    since: str = ""
    parts: PartsOfSituation | None = None


# What an order waits for, and who brings it.
_WAITS: Mapping[str, tuple[State, Owner]] = {
    "reservation": (State.IN_PROGRESS, Owner.SYSTEM),
    "stock": (State.WAITING, Owner.WAREHOUSE),
    "backorder": (State.WAITING, Owner.WAREHOUSE),
    "production": (State.WAITING, Owner.WAREHOUSE),
    "codes": (State.IN_PROGRESS, Owner.SYSTEM),
    "service": (State.WAITING, Owner.SUPPORT),
    "payment": (State.WAITING, Owner.CUSTOMER),
    "change_payment": (State.WAITING, Owner.CUSTOMER),
    "carrier": (State.IN_PROGRESS, Owner.SYSTEM),
    "pickup": (State.WAITING, Owner.CARRIER),
    "supplier": (State.WAITING, Owner.WAREHOUSE),
    "delivery": (State.WAITING, Owner.CARRIER),
    "return_window": (State.WAITING, Owner.CUSTOMER),
    "returns": (State.WAITING, Owner.CUSTOMER),
    "terms_payment": (State.WAITING, Owner.CUSTOMER),
    "cancellation": (State.IN_PROGRESS, Owner.SYSTEM),
}
_BY_STATUS: Mapping[Status, str] = {
    Status.RECEIVED: "reservation",
    Status.PENDING_PAYMENT: "payment",
    Status.PAID: "carrier",
    Status.PREPARING: "pickup",
    Status.SHIPPED: "delivery",
    Status.DELIVERED: "return_window",
}
# Failures with a sentence of their own.
_NAMED: Mapping[tuple[Step, str], str] = {
    (Step.DELIVER, "parcel_lost"): "parcel_lost",
    (Step.DELIVER, "parcel_refused"): "parcel_refused",
    (Step.DELIVER, "no_pickup"): "no_pickup",
    (Step.DELIVER, "no_delivery"): "no_delivery",
    (Step.DELIVER, "supplier_silent"): "supplier_silent",
    (Step.DELIVER, "supplier_refused"): "supplier_refused",
    (Step.CANCEL_SHIPMENT, "supplier_asked"): "supplier_asked",
    (Step.PRODUCE, "production_late"): "production_late",
    (Step.ISSUE_CODES, "codes_short"): "codes_short",
    (Step.REVIEW, "payment_review"): "fraud_review",
    (Step.REFUND, "refund_bounced"): "refund_bounced",
    (Step.BOOK, "address_refused"): "address_refused",
    (Step.BOOK, "address_invalid"): "address_refused",
}


# Of these the customer has a choice of their own.
UNDELIVERED = frozenset({"parcel_lost", "parcel_refused"})
# Who resolves a step, where it is not support.
_OWNERS = {Step.PRODUCE: Owner.WAREHOUSE, Step.ISSUE_CODES: Owner.OPERATIONS}
_AFTER_HOLD = {Outcome.CANCEL: "cancelled", Outcome.RELEASE: "continues", None: ""}
_ROLES = frozenset(owner.value for owner in Owner)
# Who puts a hold on when it is no person.
BY_RULE = "system"


def situation_of(facts: SituationFacts) -> Situation:
    """The situation of an order. What a person must do comes before what stands still, and that before what runs."""
    found = _of_order(facts)
    return replace(found, parts=parts_of(facts, found.code)) if facts.parts else found


def _of_order(facts: SituationFacts) -> Situation:
    if facts.workflow_error is not None:
        values: dict[str, Value] = {"version": facts.workflow_error.build_id}
        code = "workflow_error.version" if facts.workflow_error.build_id else "workflow_error"
        return Situation(State.WORKFLOW_ERROR, code, Owner.ENGINEERING, values)
    if facts.parked is not None:
        return _needs_attention(facts.parked)
    if facts.retrying is not None and facts.retrying.paused:
        return _paused(facts.retrying)
    if facts.retrying is not None:
        return _retrying(facts.retrying)
    if facts.status in TERMINAL:
        return Situation(State.CLOSED, facts.status.value, None)
    if facts.cancelling is not None:
        return Situation(State.IN_PROGRESS, "cancellation", Owner.SYSTEM, then="shows_cancelled")
    if facts.hold is not None:
        return _on_hold(facts.hold)
    return _waiting(facts.status, planned_wait(facts) or facts.waiting)


def _needs_attention(parked: ParkedStep) -> Situation:
    code = _NAMED.get((parked.step, parked.error), "step_failed" if parked.attempts < 2 else "step_failed.attempts")
    if parked.parcel and code in UNDELIVERED:
        code = f"{code}.parcel"
    values: dict[str, Value] = {"step": Code("step", parked.step), "cause": Code("error", parked.error)}
    values |= {"attempts": parked.attempts, "parcel": parked.parcel}
    owner = Owner.OPERATIONS if parked.escalated else _OWNERS.get(parked.step, Owner.SUPPORT)
    until = "" if parked.escalated else parked.escalates_at
    then = "escalates" if until else ""
    return Situation(State.NEEDS_ATTENTION, code, owner, values, until, then, parked.step, parked.since)


def _retrying(retrying: RetryingStep) -> Situation:
    code = "retrying.limited" if retrying.max_attempts else "retrying"
    then = "next_attempt" if retrying.next_attempt_at else ""
    values = _attempt_values(retrying)
    return Situation(State.RETRYING, code, Owner.SYSTEM, values, retrying.next_attempt_at, then, retrying.step)


def _paused(retrying: RetryingStep) -> Situation:
    code = "paused" if not retrying.paused_by else "paused.because" if retrying.reason else "paused.by"
    values = _attempt_values(retrying) | {"who": retrying.paused_by, "reason": retrying.reason}
    return Situation(State.PAUSED, code, Owner.SUPPORT, values, step=retrying.step)


def _attempt_values(retrying: RetryingStep) -> dict[str, Value]:
    values: dict[str, Value] = {"step": Code("step", retrying.step), "cause": Code("error", retrying.error)}
    return values | {"attempt": retrying.attempt, "most": retrying.max_attempts}


def _on_hold(hold: OpenHold) -> Situation:
    role = hold.owner.split(":", 1)[0]
    owner = Owner(role) if role in _ROLES else Owner.OPERATIONS
    values: dict[str, Value] = {"hold": Code("hold", hold.kind), "who": hold.put_on_by, "owner": Code("owner", owner)}
    code = "on_hold" if not hold.put_on_by else "on_hold.rule" if hold.put_on_by == BY_RULE else "on_hold.by"
    return Situation(State.ON_HOLD, code, owner, values, hold.until, _AFTER_HOLD[hold.default_outcome])


def _waiting(status: Status, waiting: Waiting | None) -> Situation:
    known = waiting is not None and waiting.what in _WAITS
    expected = waiting if waiting is not None and known else Waiting(_BY_STATUS[status])
    state, owner = _WAITS[expected.what]
    return Situation(state, expected.what, owner, until=expected.until, then=expected.then)
