"""Order numbers: unique, time-ordered, unguessable, 20 characters, readable over the telephone.

`TTTTTT-TTTRRR-RRRRRC` in Crockford's base 32 (no I, L, O, U): 9 characters of milliseconds since 2020,
8 characters (40 bits) of randomness, one check character (a weighted sum in the field of 32 elements).
"""

import secrets
from datetime import UTC, datetime, timedelta

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
EPOCH_MS = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
_TIME, _RANDOM, _GROUP = 9, 8, 6
_LENGTH = _TIME + _RANDOM + 1 + (_TIME + _RANDOM) // _GROUP  # with its hyphens
MIN_BEGINNING = 4
_VALUES = {symbol: value for value, symbol in enumerate(ALPHABET)}
# People say and type what they hear: Crockford's aliases.
_ALIASES = str.maketrans({"I": "1", "L": "1", "O": "0"})


def _encode(number: int, width: int) -> str:
    symbols = []
    for _ in range(width):
        number, value = divmod(number, 32)
        symbols.append(ALPHABET[value])
    return "".join(reversed(symbols))


def check_symbol(body: str) -> str:
    """The check character of `body` (at most 30 symbols): catches every wrong symbol and every swap of two.

    Each place, the check character's too, weighs a different power of a generator of GF(32): a wrong symbol changes
    the sum because no weight is zero, a swap because no two weights are equal.
    """
    total = 0
    for symbol in body:
        total = _doubled(total ^ _VALUES[symbol])
    return ALPHABET[total]


def _doubled(element: int) -> int:
    """`element` times the generator x of GF(32), modulo x^5 + x^2 + 1."""
    shifted = element << 1
    return shifted ^ 0b100101 if shifted & 0b100000 else shifted


def new_order_no(now_ms: int, randomness: int | None = None) -> str:
    """A fresh number for `now_ms` (Unix milliseconds); `randomness` (40 bits) is drawn unless given."""
    drawn = secrets.randbits(40) if randomness is None else randomness
    body = _encode(max(0, now_ms - EPOCH_MS), _TIME) + _encode(drawn, _RANDOM)
    whole = body + check_symbol(body)
    return "-".join(whole[i : i + _GROUP] for i in range(0, len(whole), _GROUP))


def named_in(reference: str) -> str | None:
    """The order that a carrier's reference names: its number alone, or the reference of one of its returns
    (NUMBER-R1); None if it names none."""
    return normalise(reference) or normalise(reference[: _LENGTH if "-R" in reference[_LENGTH:] else 0])


def beginning(typed: str) -> str | None:
    """The canonical form of what a person typed of a number's beginning, at least MIN_BEGINNING symbols (a third of a
    day's orders); None if no number begins so."""
    plain = "".join(symbol for symbol in typed.upper().translate(_ALIASES) if symbol not in "- ")
    if not MIN_BEGINNING <= len(plain) <= _TIME + _RANDOM + 1 or any(symbol not in _VALUES for symbol in plain):
        return None
    return "-".join(plain[i : i + _GROUP] for i in range(0, len(plain), _GROUP))


def span_of(first: str) -> tuple[datetime, datetime]:
    """Between which times numbers that begin so (see `beginning`) are made."""
    symbols = first.replace("-", "")[:_TIME]
    earliest, latest = (_decoded(symbols.ljust(_TIME, filler)) for filler in (ALPHABET[0], ALPHABET[-1]))
    begin = datetime(2020, 1, 1, tzinfo=UTC)
    return begin + timedelta(milliseconds=earliest), begin + timedelta(milliseconds=latest + 1)


def _decoded(symbols: str) -> int:
    number = 0
    for symbol in symbols:
        number = number * 32 + _VALUES[symbol]
    return number


def normalise(typed: str) -> str | None:
    """The canonical number for what a person typed (any case, with or without hyphens), or None if it is none."""
    plain = "".join(symbol for symbol in typed.upper().translate(_ALIASES) if symbol not in "- ")
    if len(plain) != _TIME + _RANDOM + 1 or any(symbol not in _VALUES for symbol in plain):
        return None
    if check_symbol(plain[:-1]) != plain[-1]:
        return None
    return "-".join(plain[i : i + _GROUP] for i in range(0, len(plain), _GROUP))
