"""What a parked step is about, and when it needs no person any more."""

from dataclasses import dataclass

from domain.orders.pending_operations import UNAPPLIED_ID
from domain.support.steps import Step

# What the step that returns money is about.
EVERYTHING, UNAPPLIED = "all", UNAPPLIED_ID
# These are about one thing of several; every other step is about its order.
# A capture is about a fulfilment where the order is captured as it ships, and then its caller names it.
STEPS_WITH_SUBJECT = frozenset({Step.REFUND, Step.GUARANTEE, Step.SUPPLEMENT, Step.RETURN_PAYMENT})


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What the steps of an order can be about, by ids, each in the order in which it is worked on.

    `refunds` are approved; on `guarantees` something is to be done; `change_payments` are those that a provider is to
    be asked about, `awaited_change` is the one that its change waits for. `captures` are fulfilments that have shipped
    and are to be captured. `cancelling`: the order is being undone.
    """

    refunds: tuple[str, ...] = ()
    guarantees: tuple[str, ...] = ()
    change_payments: tuple[str, ...] = ()
    awaited_change: str | None = None
    cancelling: bool = False
    captures: tuple[str, ...] = ()


def subject_of(step: Step, facts: SubjectFacts) -> str | None:
    """What the step works on next; None where it has no subject, or nothing is due."""
    match step:
        case Step.REFUND:
            return next(iter(facts.refunds), None)
        case Step.GUARANTEE:
            return next(iter(facts.guarantees), None)
        case Step.SUPPLEMENT:
            return facts.awaited_change
        case Step.RETURN_PAYMENT:
            return EVERYTHING if facts.cancelling else UNAPPLIED
    return None


def is_over(step: Step, subject: str | None, facts: SubjectFacts) -> bool:
    """True where a parked step needs no person any more: it is done, or nobody needs it."""
    if subject is None:
        return False
    match step:
        case Step.REFUND:
            return subject not in facts.refunds
        case Step.GUARANTEE:
            return subject not in facts.guarantees
        case Step.SUPPLEMENT:
            return subject not in facts.change_payments
        case Step.CAPTURE:
            return subject not in facts.captures
    return False
