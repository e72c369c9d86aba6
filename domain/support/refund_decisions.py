"""A refund that its provider has refused or taken back: whether a person is to decide how the money goes.

A person decides by resolving the step that parks for it. What was decided, or is parked already, is not asked again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.payments.transactions import PaymentStatus
from domain.support.steps import Step

BOUNCED, REFUSED = "refund_bounced", "refund_refused"
# Codes of our own: a refund that was given up here was not refused by its provider.
_GIVEN_UP = frozenset({"skipped", "abandoned", "given_up", "overtaken_at_provider"})
_UNDECIDED = (PaymentStatus.INTENT, PaymentStatus.PENDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCall:
    """What a provider was asked to give back; `reversed_at` is when the provider took it back last."""

    payment_id: int
    status: PaymentStatus
    error_code: str | None
    updated_at: datetime
    reversed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedFacts:
    """A step of the order that parked. `subject` is the refund that it is about; None where it does not say."""

    step: str
    error: str
    since: datetime
    subject: str | None
    resolved: bool


def has_bounced(calls: Sequence[RefundCall], parked: Sequence[ParkedFacts]) -> bool:
    """True where the provider has taken the refund back and no person has decided since."""
    moments = [call.reversed_at for call in calls if call.reversed_at is not None]
    return any(
        not any(step.error == BOUNCED and step.resolved and step.since >= moment for step in parked)
        for moment in moments
    )


def refusal(refund_id: str | None, calls: Sequence[RefundCall], parked: Sequence[ParkedFacts]) -> str | None:
    """The code with which the provider has refused it for good, where no step has parked for it since.

    None while a call is undecided. `refund_id` is None for money that goes back without a refund.
    """
    if any(call.status in _UNDECIDED for call in calls):
        return None
    refused = [
        call
        for call in calls
        if call.status is PaymentStatus.FAILED
        and call.error_code not in _GIVEN_UP
        and not any(step.since >= call.updated_at and _is_about(step, refund_id) for step in parked)
    ]
    newest = max(refused, key=lambda call: call.payment_id, default=None)
    return (newest.error_code or REFUSED) if newest else None


def _is_about(step: ParkedFacts, refund_id: str | None) -> bool:
    if step.step == Step.RETURN_PAYMENT:
        return True
    return step.step == Step.REFUND and refund_id is not None and step.subject in (None, refund_id)
