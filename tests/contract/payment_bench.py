"""A payment gateway on its server, and what a test must know of the two."""

import base64
import hashlib
import hmac
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

from domain.gateways import LostCall, PaymentGateway, PaymentNotification, PaymentRequest
from domain.payments.transactions import PaymentKind
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.gateways.instrumented import instrumented
from infra.gateways.payments.sandbox_payments import SandboxPayments
from infra.gateways.payments.stripe_payments import StripePayments
from tests.contract.receiver import Post, Receiver

# Of gateways that a test points at a server that does not answer in time.
TIMEOUT_S = 0.3
# Of gateways on a server that answers: the machine may be busy.
PATIENT_S = 60.0
NEVER = 1_000_000
SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
_numbers = itertools.count(1)


@dataclass
class PaymentBench:
    """A gateway on its server, and what a test must know of them."""

    gateway: PaymentGateway
    url: str
    receiver: Receiver
    ok: str
    declined: str
    currency: str
    at: Callable[..., PaymentGateway]
    signed: Callable[[bytes, float], dict[str, str]]
    declines_with: str = "declined"

    def request(
        self, amount_minor: int = 1000, token: str | None = None, step: str = "pay", order: str = ""
    ) -> PaymentRequest:
        """A request under a key of its own."""
        order = order or f"N{next(_numbers)}"
        key = f"{order}/{step}/{next(_numbers)}"
        return PaymentRequest(order, amount_minor, self.currency, key, self.ok if token is None else token)

    async def paid(self, amount_minor: int = 1000) -> tuple[PaymentRequest, str, str]:
        """A captured payment: its request, authorisation and capture."""
        request = self.request(amount_minor)
        authorised = await self.gateway.authorise(request)
        captured = await self.gateway.capture(
            authorised.provider_ref, self.request(amount_minor, order=request.order_no)
        )
        return request, authorised.provider_ref, captured.provider_ref

    async def notice(self, wanted: Callable[[PaymentNotification], bool]) -> tuple[PaymentNotification, Post]:
        """The first authentic notification that says what is wanted."""

        def read(post: Post) -> tuple[PaymentNotification, Post] | None:
            notice = self.gateway.parse_notification(post.headers, post.body)
            return (notice, post) if notice is not None and wanted(notice) else None

        return await self.receiver.first(read)


def lost(request: PaymentRequest, kind: PaymentKind = PaymentKind.AUTHORISE, of: str | None = "") -> LostCall:
    """A call that was made just now, and whose answer nobody heard."""
    return LostCall(kind, request, of or "")


def guarded(gateway: PaymentGateway) -> PaymentGateway:
    """As the product gets it, behind a breaker; one that never opens, since tests make calls fail."""
    return instrumented(gateway, CircuitBreaker(gateway.name, NEVER, 1.0))


def sandbox_at(url: str, timeout_s: float = PATIENT_S) -> PaymentGateway:
    return SandboxPayments(url, SECRET, timeout_s)


def stripe_at(url: str, timeout_s: float = PATIENT_S) -> PaymentGateway:
    return StripePayments("sk_test_1234567890", SECRET, timeout_s, url)


def standard_signed(body: bytes, at_s: float) -> dict[str, str]:
    moment = datetime.fromtimestamp(int(at_s), UTC)
    signature = Webhook(SECRET).sign("msg_1", moment, body.decode())
    return {"webhook-id": "msg_1", "webhook-timestamp": str(int(at_s)), "webhook-signature": signature}


def stripe_signed(body: bytes, at_s: float) -> dict[str, str]:
    stamped = f"{int(at_s)}.".encode() + body
    return {"Stripe-Signature": f"t={int(at_s)},v1={hmac.new(SECRET.encode(), stamped, hashlib.sha256).hexdigest()}"}
