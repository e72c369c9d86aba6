"""A circuit breaker per provider: what is down is left alone for a while, then one call asks whether it is back.

Our own, because those at hand are made for threads or tornado: pybreaker's asynchronous form needs tornado and holds a
thread's lock across the call, and it lets every waiting call through when it tries again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from domain.gateways import GatewayError, ProviderUnavailable

State = Literal["closed", "open", "half_open"]


class CircuitBreaker:
    """Opens after `failures` calls in a row that ended in ProviderUnavailable; a refusal is an answer like any other.

    `reset_s` after it opened one call goes through: its answer closes the circuit, its failure opens it again, and is
    reported as `asked_back`: it is a probe of the circuit breaker, not an attempt of the caller.
    Belongs to one event loop.
    """

    def __init__(
        self, provider: str, failures: int, reset_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._provider, self._limit, self._reset_s, self._clock = provider, failures, reset_s, clock
        self._failures = 0
        self._opened_at_s: float | None = None
        self._cause = ""
        self._probing = False

    @property
    def state(self) -> State:
        if self._opened_at_s is None:
            return "closed"
        return "half_open" if self._remaining_s() <= 0 else "open"

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """Runs one call. Raises ProviderUnavailable("circuit_open", retry_after_s, cause) without running it."""
        probe = self._admit()
        try:
            yield
        except ProviderUnavailable as error:
            error.is_probe = probe
            self._failed(error.code)
            raise
        except GatewayError:
            self._answered()
            raise
        else:
            self._answered()
        finally:
            # A cancelled call, or one that failed through our own fault, says nothing about the provider.
            if probe:
                self._probing = False

    def _admit(self) -> bool:
        """Whether the call is the one that asks if the provider is back."""
        state = self.state
        if state == "closed":
            return False
        if state == "open" or self._probing:
            pause_s = max(self._remaining_s(), self._reset_s / 4)
            raise ProviderUnavailable("circuit_open", self._provider, pause_s, self._cause)
        self._probing = True
        return True

    def _answered(self) -> None:
        self._failures = 0
        self._opened_at_s = None

    def _failed(self, code: str) -> None:
        self._failures += 1
        self._cause = code
        if self._opened_at_s is not None or self._failures >= self._limit:
            self._opened_at_s = self._clock()

    def _remaining_s(self) -> float:
        assert self._opened_at_s is not None
        return self._opened_at_s + self._reset_s - self._clock()
