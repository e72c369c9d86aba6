"""Demand that comes on few days, by Croston's method with the correction of Syntetos and Boylan."""

from collections.abc import Sequence

SMOOTHING = 0.1


def croston_sba(units: Sequence[int], smoothing: float = SMOOTHING) -> float:
    """Units a day: (1 − α/2)·z/p, where z is the smoothed size of a demand and p the smoothed days between two.

    `units` has one number for each day, the oldest first; 0.0 where none is above 0.

    Sources: J. D. Croston (1972), Forecasting and stock control for intermittent demands; A. A. Syntetos, J. E. Boylan
    (2005), The accuracy of intermittent demand estimates.
    """
    size, interval, last = 0.0, 0.0, -1
    for day, quantity in enumerate(units):
        if quantity > 0:
            since = day - last
            size = size + smoothing * (quantity - size) if last >= 0 else float(quantity)
            interval = interval + smoothing * (since - interval) if last >= 0 else float(since)
            last = day
    return (1 - smoothing / 2) * size / interval if last >= 0 else 0.0


def is_intermittent(units: Sequence[int]) -> bool:
    """Whether demand comes on few days: on average 1.32 days or more from one to the next, the cut-off of A. A.
    Syntetos, J. E. Boylan, J. D. Croston (2005), On the categorization of demand patterns."""
    busy = sum(1 for quantity in units if quantity > 0)
    return busy > 0 and len(units) >= 1.32 * busy
