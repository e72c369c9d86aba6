"""How far away a time is, as people say it."""

import math
from datetime import datetime

_DAY_S = 86_400
_STEPS = ((_DAY_S, ("day", "天")), (3_600, ("h", "小时")), (60, ("min", "分钟")), (1, ("s", "秒")))
_DATES = {"en": "%-d %b", "zh": "%-m月%-d日"}
_DATES_OF_ANOTHER_YEAR = {"en": "%-d %b %Y", "zh": "%Y年%-m月%-d日"}


def distance(at: datetime, now: datetime, lang: str) -> str:
    """`3 min ago`, `in 2 days (30 Nov)`: with the date from a day on, and the year where it is another one."""
    seconds = (at - now).total_seconds()
    size = math.ceil(seconds) if seconds > 0 else math.floor(-seconds)
    words = _said(_amount(size, lang), seconds > 0, lang)
    if size < _DAY_S:
        return words
    date = at.strftime((_DATES if at.year == now.year else _DATES_OF_ANOTHER_YEAR)[lang])
    return f"{words} ({date})" if lang == "en" else f"{words}（{date}）"


def ahead(at: datetime, now: datetime, lang: str) -> str:
    """How far ahead a time is that is near; one that is over is 0 s away."""
    return _said(_amount(max(0, math.ceil((at - now).total_seconds())), lang), True, lang)


def span(seconds: float, lang: str) -> str:
    """`3 h 20 min`: the two largest units."""
    whole = max(0, round(seconds))
    first = _amount(whole, lang)
    size = next((size for size, _ in _STEPS if whole >= size), 1)
    rest = whole % size
    return f"{first} {_amount(rest, lang)}" if rest >= size // 60 and size > 1 and rest else first


def _amount(seconds: int, lang: str) -> str:
    size, units = next(((size, units) for size, units in _STEPS if seconds >= size), _STEPS[-1])
    number, unit = seconds // size, units[lang == "zh"]
    return f"{number} {unit}{'s' if unit == 'day' and number != 1 else ''}"


def _said(amount: str, later: bool, lang: str) -> str:
    if lang == "en":
        return f"in {amount}" if later else f"{amount} ago"
    return f"{amount}{'后' if later else '前'}"
