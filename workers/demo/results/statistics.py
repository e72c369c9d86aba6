"""What became of the orders, as numbers."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from domain.orders.status import Status
from workers.demo.api_client.models import Suggestion
from workers.demo.behaviour.scenarios import SPECS, Scenario
from workers.demo.results.stock_ledger import StockLedger

MAX_DEVIATIONS = 20
# How far an order has come, for the progress bars.
STAGES: dict[str, int] = {
    Status.RECEIVED: 1,
    Status.PENDING_PAYMENT: 2,
    Status.PAID: 3,
    Status.PREPARING: 3,
    Status.SHIPPED: 4,
    Status.DELIVERED: 5,
    Status.COMPLETED: 6,
}
STAGE_NAMES = ("read", "placed", "reserved", "paid", "shipped", "delivered", "completed")


@dataclass(frozen=True, slots=True)
class EndedOrder:
    """An ended order, as the API answers it: money in minor units (`due_minor` is what the order
    should hold), parcels {tracking number: (number of the fulfilment, status)}."""

    order_no: str
    captured_minor: int
    refunded_minor: int
    due_minor: int
    parcels: dict[str, tuple[int, str]]


@dataclass
class Group:
    """The orders of one scenario."""

    orders: int = 0
    as_expected: int = 0
    ends: Counter[str] = field(default_factory=Counter)


@dataclass
class Statistics:
    """Everything counted in a run; all that grows with the number of orders is `ended`."""

    reached: Counter[int] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    corrected: int = 0
    nothing_left: int = 0
    placed: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    parked: Counter[str] = field(default_factory=Counter)
    resolved: Counter[str] = field(default_factory=Counter)
    unplanned: Counter[str] = field(default_factory=Counter)
    groups: defaultdict[Scenario, Group] = field(default_factory=lambda: defaultdict(Group))
    ended: list[EndedOrder] = field(default_factory=list)
    stock: StockLedger = field(default_factory=StockLedger)
    suggestions: list[Suggestion] | None = None
    wrong: int = 0
    deviations: list[str] = field(default_factory=list)

    def advance(self, before: int, stage: int) -> None:
        """An order has advanced from one stage to a later one."""
        for passed in range(before + 1, stage + 1):
            self.reached[passed] += 1

    def close(self, scenario: Scenario, end: str, deviation: str | None) -> None:
        """An order has ended like this; `deviation` says why that is not right."""
        group = self.groups[scenario]
        group.orders += 1
        group.ends[end] += 1
        if deviation is None:
            group.as_expected += 1
        else:
            self.add_deviation(f"{deviation} ({SPECS[scenario].description})")

    def add_deviation(self, description: str) -> None:
        """Count something that is not as it should be; the first few descriptions are saved."""
        self.wrong += 1
        if len(self.deviations) < MAX_DEVIATIONS:
            self.deviations.append(description)

    @property
    def captured_minor(self) -> int:
        """Money taken from customers."""
        return sum(order.captured_minor for order in self.ended)

    @property
    def refunded_minor(self) -> int:
        """Money returned to customers."""
        return sum(order.refunded_minor for order in self.ended)

    @property
    def held_minor(self) -> int:
        """Money that the orders hold in the end."""
        return self.captured_minor - self.refunded_minor

    @property
    def due_minor(self) -> int:
        """Money that they should hold: completed orders, less what was refunded of them."""
        return sum(order.due_minor for order in self.ended)

    @property
    def money_balances(self) -> bool:
        return self.held_minor == self.due_minor

    @property
    def ends(self) -> int:
        """Orders that have ended."""
        return self.statuses[Status.COMPLETED] + self.statuses[Status.CANCELLED]

    def summary(self) -> dict[str, Any]:
        """As JSON shows it."""
        return {
            "baskets": self.reached[0],
            "refused": dict(self.refusals),
            "corrected": self.corrected,
            "nothing_left": self.nothing_left,
            "placed": self.placed,
            "ended": dict(self.statuses),
            "parked": dict(self.parked),
            "resolved": dict(self.resolved),
            "unplanned": dict(self.unplanned),
            "groups": [_group(scenario, self.groups[scenario]) for scenario in Scenario if scenario in self.groups],
            "deviations": self.deviations,
        }


def _group(scenario: Scenario, group: Group) -> dict[str, Any]:
    spec = SPECS[scenario]
    return {
        "fate": scenario.value,
        "words": spec.description,
        "expected": spec.end,
        "orders": group.orders,
        "as_expected": group.as_expected,
        "ends": dict(group.ends),
    }
