"""Replenishment of the demo's products, tried on its real baskets, beside reorder points that somebody sets once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from bench.harness.lab import Lab
from bench.report import Figure, Section, table
from domain.replenishment.demand import DemandHistory, estimated
from domain.replenishment.policy import Policy, ReplenishmentRule, policy_of
from workers.demo.baskets import dataset

NAME, TITLE = "back_test", "Replenishment, tried on real baskets"
# The baskets are in the order of their time, and have none of their own.
BASKETS, A_DAY, LEARNED_DAYS, LEAD_TIME_DAYS = 5_000, 50, 50, 4
# Fuel is counted in thousandths of a gallon.
MOST_OF_A_LINE = 50
SERVICE_LEVELS, FIXED = (0.80, 0.90, 0.95, 0.99), (2, 4, 8, 16)
Demands = dict[str, list[int]]
Plan = Callable[[list[int]], Policy]


@dataclass
class Outcome:
    """Units and product days of the days that were tried."""

    demanded: int = 0
    missing: int = 0
    days: int = 0
    days_short: int = 0
    held: int = 0
    orders: int = 0


@dataclass
class Shelf:
    """A product in a warehouse: what is there, and what arrives on which day."""

    on_hand: int
    arriving: dict[int, int] = field(default_factory=dict)

    @property
    def position(self) -> int:
        return self.on_hand + sum(self.arriving.values())


async def measure(lab: Lab) -> Section:
    demands = _demands()
    fixed = {f"fixed reorder point, {units}": _tried(demands, _fixed(units)) for units in FIXED}
    ours = {f"from demand, service level {level:.0%}": _tried(demands, _planned(level)) for level in SERVICE_LEVELS}
    return _section(lab, demands, fixed, ours)


def _demands() -> Demands:
    """Units of each product by day."""
    days = BASKETS // A_DAY
    found: Demands = {}
    for basket in dataset.read(dataset.BUNDLED, BASKETS):
        for line in basket.lines:
            if 0 < line.quantity <= MOST_OF_A_LINE:
                found.setdefault(line.sku, [0] * days)[basket.index // A_DAY] += line.quantity
    return {sku: units for sku, units in found.items() if sum(units[:LEARNED_DAYS]) > 0}


def _planned(service_level: float) -> Plan:
    rule = ReplenishmentRule(service_level=service_level, lead_time_days=LEAD_TIME_DAYS, review_days=1)

    def plan(units: list[int]) -> Policy:
        history = DemandHistory(len(units), [(day, quantity) for day, quantity in enumerate(units) if quantity])
        return policy_of(estimated(history), rule)

    return plan


def _fixed(units: int) -> Plan:
    return lambda _: Policy(0, units, 1, 1)


def _tried(demands: Demands, plan: Plan) -> Outcome:
    """Each product from the day on which it was learned; what is missing is lost, and known as demand."""
    outcome = Outcome()
    for units in demands.values():
        shelf = Shelf(plan(units[:LEARNED_DAYS]).reorder_point)
        for day in range(LEARNED_DAYS, len(units)):
            shelf.on_hand += shelf.arriving.pop(day, 0)
            _sell(outcome, shelf, units[day])
            if quantity := plan(units[: day + 1]).quantity(shelf.position):
                shelf.arriving[day + LEAD_TIME_DAYS] = quantity
                outcome.orders += 1
    return outcome


def _sell(outcome: Outcome, shelf: Shelf, wanted: int) -> None:
    sold = min(wanted, shelf.on_hand)
    shelf.on_hand -= sold
    outcome.demanded += wanted
    outcome.missing += wanted - sold
    outcome.days += 1
    outcome.days_short += sold < wanted
    outcome.held += shelf.on_hand


def _row(name: str, one: Outcome, days: int) -> tuple[str, float, float, float, float]:
    share = 100 * one.missing / one.demanded
    return name, share, 100 * one.days_short / one.days, one.held / days, one.orders / days


def _held_for(fixed: Iterable[Outcome], missing: float) -> float:
    """Units that fixed points hold for this share of missing units, between the two that are nearest to it."""
    points = sorted((one.missing / one.demanded, one.held) for one in fixed)
    for (less, more_held), (more, less_held) in pairwise(points):
        if less <= missing <= more:
            return more_held + (less_held - more_held) * (missing - less) / (more - less)
    return float(points[0][1] if missing < points[0][0] else points[-1][1])


def _section(lab: Lab, demands: Demands, fixed: dict[str, Outcome], ours: dict[str, Outcome]) -> Section:
    days = BASKETS // A_DAY - LEARNED_DAYS
    rows = [_row(name, one, days) for name, one in (*fixed.items(), *ours.items())]
    body = (
        f"{BASKETS:,} baskets of the demo in their order, {A_DAY} to a day: {LEARNED_DAYS} days are learned from, on "
        f"the {days} that follow each of {len(demands)} products is looked at daily. Goods arrive after "
        f"{LEAD_TIME_DAYS} days; what is missing is not sold later. The reorder point from demand is calculated again "
        "each day; a fixed one is the same number of units for every product.\n\n"
        + table(("", "% of units missing", "% of days short", "units held", "orders a day"), rows)
    )
    figures = [
        Figure(f"units held, service level {level:.0%}", one.held / days, "units",
               _held_for(fixed.values(), one.missing / one.demanded) / days, "units with a fixed reorder point",
               at_least=False)
        for level, one in zip(SERVICE_LEVELS, ours.values(), strict=True)
    ]  # fmt: skip
    data = {name: {"missing": one.missing, "held": one.held} for name, one in (fixed | ours).items()}
    return Section(NAME, TITLE, figures, body, lab.quick, data)
