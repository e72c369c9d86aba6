"""Who may pay an order now, and why not."""

from dataclasses import dataclass

from domain.errors import Conflict
from domain.orders.status import UNPAID, Status
from domain.payments.attempts import IN_FLIGHT, AttemptState


@dataclass(frozen=True, slots=True)
class PayabilityFacts:
    """As much of an order as decides whether it can be paid. `in_flight`: the outcome of a payment is not known yet;
    `owed`: an order on payment terms is not paid.

    The API counts only calls to a provider as in flight, and leaves to the workflow what it is about to do itself.
    """

    status: Status
    cancelling: bool
    paid: bool = False
    in_flight: bool = False
    owed: bool = False


def facts_by_attempt(status: Status, cancelling: bool, attempt: AttemptState) -> PayabilityFacts:
    """By the state of the order's newest payment attempt."""
    return PayabilityFacts(status, cancelling, attempt is AttemptState.CAPTURED, attempt in IN_FLIGHT)


def facts_on_terms(status: Status, cancelling: bool, attempt: AttemptState, *, owed: bool) -> PayabilityFacts:
    """Of an order on payment terms, by the state of the newest attempt to pay what is owed."""
    return PayabilityFacts(status, cancelling, not owed, owed and attempt in IN_FLIGHT, owed)


def refusal(facts: PayabilityFacts) -> Conflict | None:
    """Why the order cannot be paid; None when it can: `already_paid`, `order_closed`, `payment_in_progress`."""
    if facts.paid:
        return Conflict("already_paid")
    if facts.cancelling or facts.status is Status.CANCELLED:
        return Conflict("order_closed", "the order is cancelled, or about to be: nothing is charged; place a new one")
    if facts.status not in UNPAID and not facts.owed:
        return Conflict("already_paid")
    if facts.in_flight:
        return Conflict("payment_in_progress", "a payment is in flight; its outcome comes first")
    return None


def is_offered(facts: PayabilityFacts) -> bool:
    """True while the customer may pay: the order can be paid and its stock is reserved."""
    return (facts.status is Status.PENDING_PAYMENT or facts.owed) and refusal(facts) is None
