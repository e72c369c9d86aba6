"""What a run needs before it starts: articles, stock, and which article of which order is to be short."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workers.demo.baskets import catalogue, dataset
from workers.demo.baskets.catalogue import Article
from workers.demo.baskets.customers import region_of
from workers.demo.baskets.dataset import Basket, Line
from workers.demo.behaviour.scenarios import Scenario, scenario_of


@dataclass(frozen=True, slots=True)
class Shortage:
    """An article of one basket only, at the warehouse that would send it: one unit less than the basket needs."""

    sku: str
    warehouse: str
    units: int


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """A basket with its scenario."""

    basket: Basket
    scenario: Scenario


@dataclass(frozen=True)
class Plan:
    """`demand` is {(sku, warehouse): units} that suffice for every order; `shortages` {basket_id: what is short}."""

    folder: Path
    count: int
    seed: int
    articles: Mapping[str, Article]
    demand: Mapping[tuple[str, str], int]
    shortages: Mapping[int, Shortage]

    def orders(self) -> Iterator[PlannedOrder]:
        """Every basket of the run, in order."""
        for planned in self.assigned():
            # Without an article of its own no order can be made short.
            possible = planned.scenario is not Scenario.OUT_OF_STOCK or planned.basket.basket_id in self.shortages
            yield planned if possible else PlannedOrder(planned.basket, Scenario.PLAIN)

    def assigned(self) -> Iterator[PlannedOrder]:
        """Every basket with the scenario that the seed assigns to it; one that costs nothing is plain."""
        number = 0
        for basket in dataset.read(self.folder, self.count):
            if self.total_minor(self.sendable(basket.lines)):
                yield PlannedOrder(basket, scenario_of(number, self.seed))
                number += 1
            else:
                yield PlannedOrder(basket, Scenario.PLAIN)

    def sendable(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Those lines that can be ordered."""
        return tuple(line for line in lines if is_sendable(line, self.articles))

    def total_minor(self, lines: tuple[Line, ...]) -> int:
        """What these lines cost by the catalogue, in cents."""
        return sum(line.quantity * self.articles[line.sku].price_minor for line in lines)


def make(folder: Path, count: int, seed: int) -> Plan:
    """Read the baskets once for articles, once for stock; what stays in memory grows with articles, not baskets."""
    baskets_with: Counter[str] = Counter()
    for basket in dataset.read(folder, count):
        baskets_with.update({line.sku for line in basket.lines})
    plan = Plan(folder, count, seed, catalogue.load(folder, baskets_with), {}, {})
    demand: Counter[tuple[str, str]] = Counter()
    shortages: dict[int, Shortage] = {}
    for planned in plan.assigned():
        basket = planned.basket
        lines, warehouse = plan.sendable(basket.lines), region_of(basket.household).warehouse
        for line in lines:
            demand[line.sku, warehouse] += line.quantity * (2 if planned.scenario is Scenario.RESHIPPED else 1)
        if planned.scenario is Scenario.OUT_OF_STOCK:
            own = next((line.sku for line in lines if baskets_with[line.sku] == 1), None)
            if own is not None:
                units = sum(line.quantity for line in lines if line.sku == own) - 1
                shortages[basket.basket_id] = Shortage(own, warehouse, units)
    for shortage in shortages.values():
        del demand[shortage.sku, shortage.warehouse]
    return replace(plan, demand=demand, shortages=shortages)


def is_sendable(line: Line, articles: Mapping[str, Article]) -> bool:
    """True when the catalogue sells it and the quantity is not 0."""
    article = articles.get(line.sku)
    return line.quantity > 0 and article is not None and article.active
