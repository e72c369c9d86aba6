"""What became of the orders, as numbers."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from domain.orders.status import Status
from workers.demo.scenarios import PLOTS, Scenario

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
class Ended:
    """An order at its end, as the front door tells it: money in minor units, parcels {tracking number: status}."""

    order_no: str
    captured_minor: int
    refunded_minor: int
    parcels: dict[str, str]


@dataclass
class Group:
    """The orders of one fate."""

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
    ended: list[Ended] = field(default_factory=list)
    sent: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: int = 0
    deviations: list[str] = field(default_factory=list)

    def come(self, before: int, stage: int) -> None:
        """An order has come from one stage to a later one."""
        for passed in range(before + 1, stage + 1):
            self.reached[passed] += 1

    def close(self, fate: Scenario, end: str, deviation: str | None) -> None:
        """An order has ended so; `deviation` says why that is not right."""
        group = self.groups[fate]
        group.orders += 1
        group.ends[end] += 1
        if deviation is None:
            group.as_expected += 1
        else:
            self.deviate(f"{deviation} ({PLOTS[fate].words})")

    def deviate(self, what: str) -> None:
        """Something that is not as it should be; the first few are kept in words."""
        self.wrong += 1
        if len(self.deviations) < MAX_DEVIATIONS:
            self.deviations.append(what)

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
            "groups": [_group(fate, self.groups[fate]) for fate in Scenario if fate in self.groups],
            "deviations": self.deviations,
        }


def _group(fate: Scenario, group: Group) -> dict[str, Any]:
    plot = PLOTS[fate]
    return {
        "fate": fate.value,
        "words": plot.words,
        "expected": plot.end,
        "orders": group.orders,
        "as_expected": group.as_expected,
        "ends": dict(group.ends),
    }
