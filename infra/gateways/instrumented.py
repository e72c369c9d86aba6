"""Gateways as the rest of the product gets them: behind a circuit breaker, and counted."""

import inspect
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter
from typing import Any, Protocol, TypeVar, cast

from domain.gateways import OutgoingMessage, ProviderRefused, ProviderUnavailable
from domain.payments.transactions import PaymentStatus
from infra.gateways.circuit_breaker import CircuitBreaker
from infra.observability.metrics import PROVIDER_CALLS, PROVIDER_SECONDS

_Call = Callable[..., Awaitable[Any]]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


G = TypeVar("G", bound=_Named)


def instrumented(gateway: G, breaker: CircuitBreaker) -> G:
    """The gateway with each of its calls behind the breaker and counted. What calls nobody is the gateway's own."""
    return cast(G, _Instrumented(gateway, breaker))


class _Instrumented:
    def __init__(self, gateway: _Named, breaker: CircuitBreaker) -> None:
        self._gateway, self._provider, self._breaker = gateway, gateway.name, breaker

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._gateway, name)
        calls_provider = inspect.iscoroutinefunction(member) and name != "aclose"
        return partial(self._call, name, member) if calls_provider else member

    async def _call(self, operation: str, call: _Call, *args: Any, **kwargs: Any) -> Any:
        """Outcomes counted: ok, failed (a decline), refused, unavailable, circuit_open, error (ours)."""
        started_s, outcome = perf_counter(), "error"
        try:
            with self._breaker.guarding():
                result = await call(*args, **kwargs)
            outcome = "failed" if getattr(result, "status", None) is PaymentStatus.FAILED else "ok"
            return result
        except ProviderRefused:
            outcome = "refused"
            raise
        except ProviderUnavailable as error:
            outcome = "circuit_open" if error.code == "circuit_open" else "unavailable"
            raise
        finally:
            self._count(_label(operation, *args), outcome, perf_counter() - started_s)

    def _count(self, operation: str, outcome: str, seconds: float) -> None:
        PROVIDER_CALLS.labels(self._provider, operation, outcome).inc()
        if outcome != "circuit_open":
            PROVIDER_SECONDS.labels(self._provider, operation).observe(seconds)


def _label(operation: str, *args: Any) -> str:
    """Messages are counted by their channel."""
    return f"{operation}_{args[0].channel}" if args and isinstance(args[0], OutgoingMessage) else operation
