"""Formulas of inventory theory. Demand is in units a day, times in days, costs in minor units of one currency.

Source: E. A. Silver, D. F. Pyke, D. J. Thomas, Inventory and Production Management in Supply Chains
(2017), chapters 4 (economic order quantity), 6 (safety stock) and 9 (newsvendor).
"""

from math import sqrt
from statistics import NormalDist

_STANDARD = NormalDist()


def standard_quantile(probability: float) -> float:
    """z such that a standard normal variable is at most z with this probability, which is between 0 and 1."""
    return _STANDARD.inv_cdf(probability)


def lead_time_deviation(
    per_day: float, deviation: float, lead_time_days: float, lead_time_deviation_days: float
) -> float:
    """Standard deviation of the demand of a lead time: σ = √(L·σd² + d²·σL²), in units."""
    return sqrt(lead_time_days * deviation**2 + (per_day * lead_time_deviation_days) ** 2)


def safety_stock(service_level: float, lead_time_demand_deviation: float) -> float:
    """SS = z·σ, in units. `service_level` is the probability that no stock-out occurs before the goods arrive."""
    return standard_quantile(service_level) * lead_time_demand_deviation


def reorder_point(
    service_level: float, per_day: float, deviation: float, lead_time_days: float, lead_time_deviation_days: float = 0.0
) -> float:
    """d·L + SS, in units. With a periodic review `lead_time_days` is the lead time and the review period: L + R."""
    spread = lead_time_deviation(per_day, deviation, lead_time_days, lead_time_deviation_days)
    return per_day * lead_time_days + safety_stock(service_level, spread)


def economic_order_quantity(order_cost: float, holding_cost: float, demand: float) -> float:
    """√(2·K·D / h), in units: `order_cost` for an order, `holding_cost` for a unit and `demand` of one period."""
    return sqrt(2 * order_cost * demand / holding_cost)


def newsvendor_quantity(overage_cost: float, underage_cost: float, mean: float, deviation: float) -> float:
    """Units to have for one period of normal demand: F⁻¹(p / (p + h)). `overage_cost` (h) is for a unit that is left,
    `underage_cost` (p) for one that is missing."""
    return NormalDist(mean, deviation).inv_cdf(underage_cost / (underage_cost + overage_cost))
