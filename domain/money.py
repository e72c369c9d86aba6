"""Money is an integer number of minor units with its ISO 4217 currency."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_MINOR = 10**15
CURRENCY = re.compile(r"^[A-Z]{3}$")
# Digits after the point, ISO 4217; two where not listed.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "JOD": 3, "OMR": 3, "TND": 3}


@dataclass(frozen=True, slots=True)
class Money:
    """`minor` may be negative (a difference); its size is bounded so that sums stay in 64 bits."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if not CURRENCY.match(self.currency):
            raise ValueError(f"not an ISO 4217 currency: {self.currency!r}")
        if abs(self.minor) > MAX_MINOR:
            raise ValueError("amount out of range")

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError("amounts of two currencies do not add")
        return Money(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        digits = _EXPONENTS.get(self.currency, 2)
        sign, whole = ("-" if self.minor < 0 else ""), abs(self.minor)
        if not digits:
            return f"{sign}{whole} {self.currency}"
        return f"{sign}{whole // 10**digits}.{whole % 10**digits:0{digits}d} {self.currency}"


def minor_of(typed: str, currency: str) -> int:
    """The minor units of an amount that a person typed, like 12.50. Raises ValueError."""
    digits = _EXPONENTS.get(currency, 2)
    found = re.fullmatch(r"([0-9]{1,13})(?:[.,]([0-9]+))?", typed)
    if found is None or len(found[2] or "") > digits:
        raise ValueError(f"not an amount in {currency}")
    return int(found[1] + (found[2] or "").ljust(digits, "0"))


def share_out(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split `total_minor` in proportion to `weights` by largest remainder; the parts add up to it exactly.

    Hamilton's method: floors first, then one unit each to the largest remainders, earlier parts first on a tie.
    Raises ValueError on a negative weight, or when all weights are zero and there is something to share.
    """
    base = sum(weights)
    if any(weight < 0 for weight in weights) or (base == 0 and total_minor):
        raise ValueError("weights must be non-negative and not all zero")
    if base == 0:
        return [0] * len(weights)
    sign = -1 if total_minor < 0 else 1
    quotients = [divmod(abs(total_minor) * weight, base) for weight in weights]
    parts = [whole for whole, _ in quotients]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-quotients[i][1], i))
    for index in by_remainder[: abs(total_minor) - sum(parts)]:
        parts[index] += 1
    return [sign * part for part in parts]
