"""How often one caller may call: each staff or channel token, each customer, each address without a token.

Counted in the memory of each API process with a sliding window, so that a limit costs no round trip; behind a balancer
a caller has as many times the limit as there are processes. The rates are read by `limits`; its own store is not used,
because under load it begins a thread every 10 ms that walks over all callers. The headers are those of the IETF draft
"RateLimit header fields for HTTP" (draft-ietf-httpapi-ratelimit-headers-10).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from limits import RateLimitItem, parse_many

from api.errors import Problem
from domain.access import Principal, Role
from infra.addresses import source_of
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


def now() -> float:
    """Seconds since 1970."""
    return time.time()


class Window:
    """Counts against one limit. What was counted in the window before weighs by the share of it that a window that
    ends now still covers. Not for threads."""

    def __init__(self, item: RateLimitItem, clock: Callable[[], float] | None = None) -> None:
        self._amount, self._width_s, self._clock = item.amount, item.get_expiry(), clock or now
        self._number = 0
        self._before: dict[str, int] = {}
        self._counts: dict[str, int] = {}

    def hit(self, name: str) -> tuple[bool, Allowance]:
        """Whether one more call is within the limit, and what is left after it. What is refused is not counted."""
        at = self._clock() / self._width_s
        self._turn(int(at))
        share, before, count = 1 - at % 1, self._before.get(name, 0), self._counts.get(name, 0)
        left = self._amount - count - int(before * share)
        taken = left > 0
        if taken:
            self._counts[name] = count + 1
        # The first call that comes free again: of the window before it drops out bit by bit, of this one at its end.
        reset = share % (1 / before) if before else share
        allowance = Allowance(
            self._amount, self._width_s, max(0, left - taken), max(1, math.ceil(reset * self._width_s))
        )
        return taken, allowance

    def _turn(self, number: int) -> None:
        """Forget what no window covers any more, all callers at once."""
        if number != self._number:
            self._before = self._counts if number == self._number + 1 else {}
            self._number, self._counts = number, {}


class RateLimits:
    """One for each process."""

    def __init__(self, settings: Settings) -> None:
        self._token = _windows(settings.rate_limit_token)
        self._customer = _windows(settings.rate_limit_customer)
        self._address = _windows(settings.rate_limit_address)

    def caller(self, caller: Principal) -> Allowance | None:
        """Count a call with a valid token, or of somebody signed in. Raises Problem `rate_limited`."""
        if caller.role is Role.CUSTOMER:
            return self.customer(caller.subject)
        return self._count(self._token, f"{caller.role}:{caller.subject}")

    def customer(self, name: str) -> Allowance | None:
        """Count a call of a customer, whatever he proves himself with. Raises Problem `rate_limited`."""
        return self._count(self._customer, f"customer:{name}")

    def address(self, address: str) -> Allowance | None:
        """Count a call that nobody can be held to but its address. Raises Problem `rate_limited`."""
        return self._count(self._address, f"address:{source_of(address)}")

    def _count(self, windows: tuple[Window, ...], name: str) -> Allowance | None:
        """The allowance with the least left; None where there is no limit."""
        counted = [window.hit(name) for window in windows]
        refused = [allowance for taken, allowance in counted if not taken]
        if refused:
            raise _too_many(max(refused, key=lambda one: one.reset_s))
        return min((allowance for _, allowance in counted), key=lambda one: one.left / one.limit, default=None)


def _windows(notation: str) -> tuple[Window, ...]:
    return tuple(Window(item) for item in parse_many(notation)) if notation else ()


def _too_many(allowance: Allowance) -> Problem:
    every = _UNITS.get(allowance.window_s, f"{allowance.window_s} seconds")
    detail = f"at most {allowance.limit} calls per {every} are answered; try again in {allowance.reset_s} s"
    return Problem("rate_limited", detail, headers={"Retry-After": str(allowance.reset_s), **allowance.headers()})
