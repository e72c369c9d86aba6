"""The demand for a product at a warehouse, estimated from what was ordered each day."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from domain.replenishment.croston import croston_sba, is_intermittent


class DemandPattern(StrEnum):
    """`none`: nothing was ordered. `smooth`: the mean is the forecast. `intermittent`: Croston-SBA is."""

    NONE = "none"
    SMOOTH = "smooth"
    INTERMITTENT = "intermittent"


@dataclass(frozen=True, slots=True)
class DemandHistory:
    """Units that were ordered, by day: day 0 is the first of `length` days, and days without demand are left out.

    `out_of_stock` are pairs of first and last days on which the warehouse had nothing to sell.
    """

    length: int
    units: Sequence[tuple[int, int]]
    out_of_stock: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class Demand:
    """Units a day, and the standard deviation of a day. `days` were looked at."""

    per_day: float
    deviation: float
    pattern: DemandPattern
    days: int


def observed(history: DemandHistory) -> list[int]:
    """Units of each day that says something, the oldest first.

    A day on which there was nothing to sell and nothing was ordered says nothing: whoever saw that the product is out
    of stock did not order it. Orders that came all the same are demand, whether or not they were served.
    """
    days: list[int | None] = [0] * history.length
    for first, last in history.out_of_stock:
        for day in range(max(first, 0), min(last + 1, history.length)):
            days[day] = None
    for day, quantity in history.units:
        days[day] = quantity
    return [quantity for quantity in days if quantity is not None]


def estimated(history: DemandHistory) -> Demand:
    """The mean of the days, or Croston-SBA where demand is intermittent; the deviation is that of the sample."""
    units = observed(history)
    total, days = sum(units), len(units)
    if total == 0:
        return Demand(0.0, 0.0, DemandPattern.NONE, days)
    mean = total / days
    squares = sum(quantity * quantity for quantity in units)
    deviation = sqrt(max(0.0, (squares - days * mean * mean) / (days - 1))) if days > 1 else 0.0
    if is_intermittent(units):
        return Demand(croston_sba(units), deviation, DemandPattern.INTERMITTENT, days)
    return Demand(mean, deviation, DemandPattern.SMOOTH, days)
