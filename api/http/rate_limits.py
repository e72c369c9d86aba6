"""How often one caller may call: each staff or channel token, each customer, each address without a token.

Counted in the memory of each API process with a sliding window, so that a limit costs no round trip; behind a balancer
a caller has as many times the limit as there are processes. The library `limits` reads the rates and counts; what it
counts in is ours (infra/security/rate_storage.py says why). The headers are those of the IETF draft "RateLimit header
fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10).
"""

import math
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse_many
from limits.strategies import SlidingWindowCounterRateLimiter

from api.errors import Problem
from domain.access import Principal, Role
from infra.security.network_addresses import source_of
from infra.security.rate_storage import WindowStorage
from infra.settings import Settings

_UNITS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of one limit: `left` calls for the next `reset_s` seconds, of `limit` in `window_s`."""

    limit: int
    window_s: int
    left: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """As every answer to a caller with a limit carries them."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={self.window_s}',
            "RateLimit": f'"default";r={self.left};t={self.reset_s}',
        }

    def headers_raw(self) -> list[tuple[bytes, bytes]]:
        """The same, as ASGI has headers."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers().items()]


class Rates:
    """The limits of one setting, such as 100/second;3000/minute."""

    def __init__(self, notation: str, storage: WindowStorage | None = None) -> None:
        self._items = tuple(parse_many(notation)) if notation else ()
        self._limiter = SlidingWindowCounterRateLimiter(storage or WindowStorage())

    def hit(self, name: str) -> list[tuple[bool, Allowance]]:
        """Count a call: for each limit whether it is within it, and what is left after it."""
        return [(self._limiter.hit(item, name), self._left(item, name)) for item in self._items]

    def _left(self, item: RateLimitItem, name: str) -> Allowance:
        stats = self._limiter.get_window_stats(item, name)
        reset_s = math.ceil(stats.reset_time - time.time())
        return Allowance(item.amount, item.get_expiry(), stats.remaining, max(1, reset_s))


class RateLimits:
    """One for each process. Tokens, customers and addresses are counted apart: many of one kind push out none of
    another."""

    def __init__(self, settings: Settings) -> None:
        self._token = Rates(settings.rate_limit_token)
        self._customer = Rates(settings.rate_limit_customer)
        self._address = Rates(settings.rate_limit_address)

    def caller(self, caller: Principal) -> Allowance | None:
        """Count a call with a valid token, or of somebody signed in. Raises Problem `rate_limited`."""
        if caller.role is Role.CUSTOMER:
            return self.customer(caller.subject)
        return self._count(self._token, f"{caller.role}:{caller.subject}")

    def customer(self, name: str) -> Allowance | None:
        """Count a call of a customer, with any kind of credentials. Raises Problem `rate_limited`."""
        return self._count(self._customer, f"customer:{name}")

    def address(self, address: str) -> Allowance | None:
        """Count a call that nobody can be held to but its address. Raises Problem `rate_limited`."""
        return self._count(self._address, f"address:{source_of(address)}")

    def _count(self, rates: Rates, name: str) -> Allowance | None:
        """The allowance with the least left; None where there is no limit."""
        counted = rates.hit(name)
        refused = [allowance for taken, allowance in counted if not taken]
        if refused:
            raise _too_many(max(refused, key=lambda one: one.reset_s))
        return min((allowance for _, allowance in counted), key=lambda one: one.left / one.limit, default=None)


def _too_many(allowance: Allowance) -> Problem:
    every = _UNITS.get(allowance.window_s, f"{allowance.window_s} seconds")
    detail = f"at most {allowance.limit} calls per {every} are answered; try again in {allowance.reset_s} s"
    return Problem("rate_limited", detail, headers={"Retry-After": str(allowance.reset_s), **allowance.headers()})
