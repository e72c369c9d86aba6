"""How much to order of a product for a warehouse, and when: a reorder point over lead time and review period."""

from dataclasses import dataclass
from math import ceil, floor

from domain.replenishment.demand import Demand, DemandPattern
from domain.replenishment.formulas import economic_order_quantity, lead_time_deviation, safety_stock

MAX_UNITS = 10**9
_DAYS_OF_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class ReplenishmentRule:
    """How a product is replenished. Times are in days.

    `review_days` is the time between two looks at the stock, `pack_size` the units that come together, `min_order` the
    fewest that are ordered. With both costs (in minor units, of an order and of a unit that lies for a year) at least
    the economic order quantity is ordered. `window_days` of demand are looked at. `automatic`: purchase orders are
    placed without a person.
    """

    supplier: str = ""
    service_level: float = 0.95
    lead_time_days: float = 7.0
    lead_time_deviation_days: float = 0.0
    review_days: int = 1
    pack_size: int = 1
    min_order: int = 1
    order_cost_minor: int | None = None
    holding_cost_minor: int | None = None
    window_days: int = 90
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Position:
    """Units of a product at a warehouse. `waiting` are units of orders that wait for stock, `safety_stock` is what the
    warehouse never sells, `incoming` comes with purchase orders and transfers."""

    on_hand: int
    reserved: int
    safety_stock: int
    incoming: int
    waiting: int

    @property
    def units(self) -> int:
        """The inventory position: what can be sold, now or when it has arrived."""
        return self.on_hand - self.reserved - self.safety_stock + self.incoming - self.waiting


@dataclass(frozen=True, slots=True)
class Policy:
    """Below `reorder_point`, at least `lot` units are ordered, in packs of `pack_size`."""

    safety_stock: int
    reorder_point: int
    lot: int
    pack_size: int

    def quantity(self, position: int) -> int:
        """Units to order at this position, 0 for none: up to the reorder point, a lot at least, in whole packs. Where
        there is no demand, only for what orders wait for."""
        if position >= self.reorder_point:
            return 0
        packs = ceil(max(self.lot, self.reorder_point - position) / self.pack_size)
        return min(packs, MAX_UNITS // self.pack_size) * self.pack_size


def policy_of(demand: Demand, rule: ReplenishmentRule) -> Policy:
    """The reorder point d·(L + R) + z·√((L + R)·σd² + d²·σL²), rounded up, and the lot.

    Source: Silver, Pyke, Thomas (2017), chapter 6: with a periodic review, demand is to be covered for the lead time
    and the review period.
    """
    if demand.pattern is DemandPattern.NONE:
        return Policy(0, 0, rule.min_order, rule.pack_size)
    days = rule.lead_time_days + rule.review_days
    spread = lead_time_deviation(demand.per_day, demand.deviation, days, rule.lead_time_deviation_days)
    safety = max(0.0, safety_stock(rule.service_level, spread))
    point = min(MAX_UNITS, ceil(demand.per_day * days + safety))
    return Policy(min(MAX_UNITS, ceil(safety)), point, _lot(demand, rule), rule.pack_size)


def _lot(demand: Demand, rule: ReplenishmentRule) -> int:
    """The fewest units to order: the demand until the next review, and the economic order quantity where its costs are
    known."""
    economic = 0.0
    if rule.order_cost_minor and rule.holding_cost_minor:
        yearly = demand.per_day * _DAYS_OF_A_YEAR
        economic = economic_order_quantity(rule.order_cost_minor, rule.holding_cost_minor, yearly)
    wanted = max(rule.min_order, ceil(demand.per_day * rule.review_days), floor(economic + 0.5))
    return min(MAX_UNITS, wanted)
