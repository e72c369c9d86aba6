"""Gateways as the rest of the product gets them: behind a breaker, and counted."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TypeVar

from domain.gateways import (
    Booking,
    BookingRequest,
    CancelResult,
    CarrierGateway,
    CarrierNotice,
    Evidence,
    GatewayResult,
    LostCall,
    MessageGateway,
    OutgoingMessage,
    PaymentGateway,
    PaymentNotice,
    PaymentRequest,
    ProviderRefused,
    ProviderUnavailable,
)
from domain.payments.transactions import PaymentStatus
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.observability.metrics import PROVIDER_CALLS, PROVIDER_SECONDS

T = TypeVar("T")


class _Guard:
    def __init__(self, provider: str, breaker: CircuitBreaker) -> None:
        self.provider, self.breaker = provider, breaker

    async def call(self, operation: str, act: Callable[[], Awaitable[T]]) -> T:
        """Outcomes counted: ok, failed (a decline), refused, unavailable, circuit_open, error (ours)."""
        started_s, outcome = perf_counter(), "error"
        try:
            with self.breaker.guarding():
                result = await act()
            outcome = "failed" if getattr(result, "status", None) is PaymentStatus.FAILED else "ok"
            return result
        except ProviderRefused:
            outcome = "refused"
            raise
        except ProviderUnavailable as error:
            outcome = "circuit_open" if error.code == "circuit_open" else "unavailable"
            raise
        finally:
            PROVIDER_CALLS.labels(self.provider, operation, outcome).inc()
            if outcome != "circuit_open":
                PROVIDER_SECONDS.labels(self.provider, operation).observe(perf_counter() - started_s)


class GuardedPayments:
    """A PaymentGateway around another."""

    def __init__(self, gateway: PaymentGateway, breaker: CircuitBreaker) -> None:
        self._gateway = gateway
        self._guard = _Guard(gateway.name, breaker)

    @property
    def name(self) -> str:
        return self._gateway.name

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        return await self._guard.call("authorise", lambda: self._gateway.authorise(request))

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        return await self._guard.call("capture", lambda: self._gateway.capture(authorisation_ref, request))

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        return await self._guard.call("void", lambda: self._gateway.void(authorisation_ref, request))

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        return await self._guard.call("refund", lambda: self._gateway.refund(capture_ref, request))

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        return await self._guard.call("lookup", lambda: self._gateway.lookup(lost))

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        def act() -> Awaitable[None]:
            return self._gateway.answer_dispute(dispute_ref, evidence, idempotency_key)

        await self._guard.call("answer_dispute", act)

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        await self._guard.call("accept_dispute", lambda: self._gateway.accept_dispute(dispute_ref, idempotency_key))

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotice | None:
        return self._gateway.parse_notification(headers, body)

    async def aclose(self) -> None:
        await self._gateway.aclose()


class GuardedCarrier:
    """A CarrierGateway around another."""

    def __init__(self, gateway: CarrierGateway, breaker: CircuitBreaker) -> None:
        self._gateway = gateway
        self._guard = _Guard(gateway.name, breaker)

    @property
    def name(self) -> str:
        return self._gateway.name

    async def book(self, request: BookingRequest) -> Booking:
        return await self._guard.call("book", lambda: self._gateway.book(request))

    async def cancel(self, shipment_ref: str, idempotency_key: str) -> CancelResult:
        return await self._guard.call("cancel", lambda: self._gateway.cancel(shipment_ref, idempotency_key))

    async def lookup(self, idempotency_key: str) -> Booking | None:
        return await self._guard.call("lookup", lambda: self._gateway.lookup(idempotency_key))

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> CarrierNotice | None:
        return self._gateway.parse_notification(headers, body)

    async def aclose(self) -> None:
        await self._gateway.aclose()


class GuardedMessages:
    """A MessageGateway around another."""

    def __init__(self, gateway: MessageGateway, breaker: CircuitBreaker) -> None:
        self._gateway = gateway
        self._guard = _Guard(gateway.name, breaker)

    @property
    def name(self) -> str:
        return self._gateway.name

    @property
    def longest_s(self) -> float:
        return self._gateway.longest_s

    async def send(self, message: OutgoingMessage) -> str | None:
        return await self._guard.call(f"send_{message.channel}", lambda: self._gateway.send(message))

    async def aclose(self) -> None:
        await self._gateway.aclose()
