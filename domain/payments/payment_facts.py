"""What a provider reports about one of its objects, as it is stored until it is applied."""

from dataclasses import dataclass

from domain.payments.transactions import PaymentKind, PaymentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentFact:
    """A fact about a payment, a void, a refund or a dispute, with the fields of domain.gateways.PaymentNotification."""

    kind: PaymentKind
    status: PaymentStatus
    provider_ref: str | None
    amount_minor: int
    currency: str
    idempotency_key: str | None = None
    error_code: str | None = None
    parent_ref: str | None = None
    parent_key: str | None = None
    outcome: str = ""
    risk: str | None = None
    due_at: str | None = None
    expires_at: str | None = None
