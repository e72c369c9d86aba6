"""Money is an integer number of minor units with its ISO 4217 currency: the one way to read and to write amounts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.currencies import exponent

MAX_MINOR = 10**15
CURRENCY = re.compile(r"^[A-Z]{3}$")
# The sign of a currency where it is clear to a reader: in English, in Chinese.
_SIGNS = {"CNY": ("¥", "¥"), "USD": ("$", "US$"), "EUR": ("€", "€"), "GBP": ("£", "£"), "JPY": ("JP¥", "JP¥")}


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
        return shown(self.minor, self.currency, "en")


def written(minor: int, currency: str, *, grouped: bool = False) -> str:
    """An amount with its currency's own number of decimals and without its code: 1234.50, grouped 1,234.50."""
    digits = exponent(currency)
    whole, rest = divmod(abs(minor), 10**digits)
    point = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if minor < 0 else ''}{whole:{',' if grouped else ''}d}{point}"


def shown(minor: int, currency: str, lang: str) -> str:
    """An amount as people read it: $1,234.50, in Chinese US$1,234.50; 5 XOF where the sign is not clear."""
    number = written(abs(minor), currency, grouped=True)
    minus, signs = "-" if minor < 0 else "", _SIGNS.get(currency)
    return f"{minus}{signs[lang == 'zh']}{number}" if signs else f"{minus}{number} {currency}"


def minor_of(typed: str, currency: str) -> int:
    """The minor units of an amount that a person typed, like 12.50. Raises ValueError with a sentence."""
    digits = exponent(currency)
    found = re.fullmatch(r"([0-9]{1,13})(?:[.,]([0-9]+))?", typed)
    if found is None or len(found[2] or "") > digits:
        raise ValueError(f"not an amount in {currency}: {amount_format(currency)}")
    return int(found[1] + (found[2] or "").ljust(digits, "0"))


def amount_format(currency: str) -> str:
    """How a person types an amount of this currency."""
    digits = exponent(currency)
    if not digits:
        return f"an amount in {currency} is a whole number like 1250, without decimals"
    example = written(125 * 10**digits // 10, currency)
    return f"an amount in {currency} is a number like {example}, with at most {digits} decimals"


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
