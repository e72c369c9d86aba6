"""How far the payment of a refund has come, derived from its transactions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts

_SUBMITTED = (PaymentStatus.PENDING, PaymentStatus.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class RefundProgress:
    """`waits`: nothing is left to do but to wait for the provider's decision, first asked for at `since` and last at
    `asked_at`; `failed`: a provider has refused a part of it."""

    waits: bool
    failed: bool
    since: datetime | None = None
    submitted_at: datetime | None = None


def progress(refund_id: str, captures: Iterable[int], transactions: Sequence[TransactionFacts]) -> RefundProgress:
    """Of a refund that is paid back out of `captures`, by their payment id."""
    own = [t for t in transactions if t.kind is PaymentKind.REFUND and t.refund_id == refund_id]
    pending = [t for t in own if t.status is PaymentStatus.PENDING]
    submitted = {t.parent_id for t in own if t.status in _SUBMITTED}
    return RefundProgress(
        waits=bool(pending) and submitted.issuperset(captures),
        failed=any(t.status is PaymentStatus.FAILED for t in own),
        since=min((t.created_at for t in pending), default=None),
        submitted_at=max((t.updated_at for t in pending), default=None),
    )


def unapplied_pending_since(transactions: Iterable[TransactionFacts]) -> datetime | None:
    """Since when a provider decides on money that goes back without a refund; None when none does."""
    return min((t.created_at for t in transactions if _goes_back_pending(t)), default=None)


def _goes_back_pending(t: TransactionFacts) -> bool:
    undecided = t.status is PaymentStatus.PENDING and t.kind in (PaymentKind.REFUND, PaymentKind.VOID)
    return undecided and t.refund_id is None and t.purpose is not PaymentPurpose.GUARANTEE
