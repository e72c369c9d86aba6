"""Payment terms as a payment provider: the customer owes us, so nobody is called.

The capture is written when the order's stock is reserved (infra/db/payments/receivables.py). Giving it back lowers what
is owed, by triggers of the database.
"""

from collections.abc import Mapping

from domain.gateways import (
    BadSignature,
    Evidence,
    GatewayResult,
    LostCall,
    PaymentNotification,
    PaymentRequest,
    ProviderRefused,
)
from domain.payments.receivables import PROVIDER
from domain.payments.transactions import PaymentStatus


class OnTerms:
    """A PaymentGateway that only gives back: a customer cannot choose it as a means of payment."""

    name = PROVIDER
    captures_in_parts = False

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        """Nothing is authorised: an order names its terms when it is placed."""
        raise ProviderRefused("not_on_terms", PROVIDER)

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """Nothing is captured here, either."""
        raise ProviderRefused("not_on_terms", PROVIDER)

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """There is no authorisation."""
        raise ProviderRefused("not_found", PROVIDER)

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        """So much is owed no longer."""
        return GatewayResult(PaymentStatus.SUCCEEDED, request.idempotency_key, request.amount_minor)

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        """No call is outside of our database: what is not written there was not carried out."""
        return None

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        raise ProviderRefused("dispute_by_hand", PROVIDER)  # no bank is asked

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        raise ProviderRefused("dispute_by_hand", PROVIDER)

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotification | None:
        """Nobody notifies us of our own books."""
        raise BadSignature("signature_invalid", PROVIDER)

    async def aclose(self) -> None:
        """Nothing is open."""
