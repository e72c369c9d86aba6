"""Authorisations that end at their provider before they are captured, claimed or given back: which are renewed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.orders.status import UNPAID, Status
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus

AGAIN = timedelta(minutes=10)
_SOONEST, _LATEST_RENEWAL = timedelta(seconds=1), timedelta(hours=2)
_UNDECIDED = (PaymentStatus.INTENT, PaymentStatus.PENDING)


# Codes of our own: a renewal that was given up here was not refused by its provider.
_GIVEN_UP = frozenset({"abandoned", "given_up", "skipped"})


@dataclass(frozen=True, slots=True)
class Follower:
    """A payment that names the authorisation as its parent: its capture or its void."""

    kind: PaymentKind
    status: PaymentStatus


@dataclass(frozen=True, slots=True)
class Renewal:
    """An authorisation of the same amount that is to replace it."""

    status: PaymentStatus
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorisationFacts:
    """An authorisation, and as much of its order as decides whether it is renewed.

    `newest_attempt` is the order's; `guarantee_is_authorised`: what it guarantees is neither claimed nor released.
    """

    kind: PaymentKind
    purpose: PaymentPurpose
    status: PaymentStatus
    amount_minor: int
    attempt: int | None
    created_at: datetime
    expires_at: datetime | None
    order_status: Status
    cancelling: bool
    total_minor: int
    newest_attempt: int | None
    guarantee_is_authorised: bool
    followers: Sequence[Follower] = ()
    renewals: Sequence[Renewal] = ()


def is_needed(facts: AuthorisationFacts) -> bool:
    """True while the order is not captured, or the guarantee is neither claimed nor released."""
    if (facts.kind, facts.status) != (PaymentKind.AUTHORISE, PaymentStatus.SUCCEEDED):
        return False
    match facts.purpose:
        case PaymentPurpose.ORDER:
            return _pays_order(facts) and all(
                follower.kind is not PaymentKind.CAPTURE and follower.status is PaymentStatus.FAILED
                for follower in facts.followers
            )
        case PaymentPurpose.GUARANTEE:
            return facts.guarantee_is_authorised and not any(
                follower.kind is PaymentKind.CAPTURE and follower.status is not PaymentStatus.FAILED
                for follower in facts.followers
            )
    return False


def _pays_order(facts: AuthorisationFacts) -> bool:
    newest = facts.attempt is not None and facts.attempt == facts.newest_attempt
    return newest and facts.order_status in UNPAID and not facts.cancelling and facts.amount_minor == facts.total_minor


def is_left_over(facts: AuthorisationFacts, now: datetime) -> bool:
    """True for what nobody needs any more: an open question about a renewal, and money that is still held."""
    if any(renewal.status in _UNDECIDED for renewal in facts.renewals):
        return True
    if facts.purpose is not PaymentPurpose.UNAPPLIED:
        return False
    holds = facts.status is PaymentStatus.SUCCEEDED and facts.expires_at is not None and facts.expires_at > now
    return facts.status in _UNDECIDED or (holds and not any(_ends(follower) for follower in facts.followers))


def _ends(follower: Follower) -> bool:
    voiding = (follower.kind, follower.status) == (PaymentKind.VOID, PaymentStatus.PENDING)
    return voiding or follower.status is PaymentStatus.SUCCEEDED


def is_due(facts: AuthorisationFacts, now: datetime) -> bool:
    """True while its order is signalled about it."""
    return is_needed(facts) or is_left_over(facts, now)


def next_signal(expires_at: datetime | None, now: datetime) -> datetime:
    """When the order is signalled again: more often towards the end, and every ten minutes after it."""
    if expires_at is None or expires_at <= now:
        return now + AGAIN
    return now + min(AGAIN, max((expires_at - now) / 4, _SOONEST))


def failed(facts: AuthorisationFacts) -> list[Renewal]:
    """Renewals that came to nothing."""
    return [renewal for renewal in facts.renewals if renewal.status is PaymentStatus.FAILED]


def is_refused(facts: AuthorisationFacts) -> bool:
    """True when its provider has refused to authorise it again."""
    return any(renewal.error_code is not None and renewal.error_code not in _GIVEN_UP for renewal in failed(facts))


def has_ended(expires_at: datetime | None, now: datetime) -> bool:
    """True for an authorisation that holds nothing any more."""
    return expires_at is not None and expires_at <= now


def ends_soon(created_at: datetime, expires_at: datetime | None, now: datetime) -> bool:
    """True when it is time to do what is to be done without a renewal."""
    if expires_at is None:
        return False
    return expires_at - min(_LATEST_RENEWAL, (expires_at - created_at) / 8) <= now
