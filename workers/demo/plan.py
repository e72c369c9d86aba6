"""What a run needs before it starts: articles, stock, and what happens to which order."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from workers.demo.arrangements import Arrangement, arranged
from workers.demo.baskets import catalogue, dataset
from workers.demo.baskets.catalogue import Article
from workers.demo.baskets.customers import region_of
from workers.demo.baskets.dataset import Basket, Line
from workers.demo.behaviour.scenarios import Scenario, scenario_of


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """A basket with its scenario, and with stock of its own that the scenario needs."""

    basket: Basket
    scenario: Scenario
    arrangements: tuple[Arrangement, ...] = ()


@dataclass(frozen=True)
class Plan:
    """`own` are SKUs that one basket only has; `demand` is {(sku, warehouse): units} that suffice for every order;
    `arrangements` are levels that are set to the unit."""

    folder: Path
    count: int
    seed: int
    articles: Mapping[str, Article]
    own: Set[str]
    demand: Mapping[tuple[str, str], int]
    arrangements: tuple[Arrangement, ...]

    def orders(self) -> Iterator[PlannedOrder]:
        """Every basket of the run with its scenario, in order. A scenario that a basket does not fit waits for the next
        one; a basket that fits none, or costs nothing, is plain."""
        numbers, waiting = count(), deque[Scenario]()
        for basket in dataset.read(self.folder, self.count):
            if self.total_minor(self.sendable(basket.lines)):
                waiting.append(scenario_of(next(numbers), self.seed))
                yield self._first_that_fits(basket, waiting)
            else:
                yield PlannedOrder(basket, Scenario.PLAIN)

    def _first_that_fits(self, basket: Basket, waiting: deque[Scenario]) -> PlannedOrder:
        for scenario in waiting:
            arrangements = arranged(scenario, basket.household, self.sendable(basket.lines), self.own)
            if arrangements is not None:
                waiting.remove(scenario)
                return PlannedOrder(basket, scenario, arrangements)
        return PlannedOrder(basket, Scenario.PLAIN)

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
    own = frozenset(sku for sku, baskets in baskets_with.items() if baskets == 1)
    plan = Plan(folder, count, seed, catalogue.load(folder, baskets_with), own, {}, ())
    demand: Counter[tuple[str, str]] = Counter()
    arrangements: list[Arrangement] = []
    for planned in plan.orders():
        demand.update(_demand(plan, planned))
        arrangements += planned.arrangements
    return replace(plan, demand=demand, arrangements=tuple(arrangements))


def _demand(plan: Plan, planned: PlannedOrder) -> Counter[tuple[str, str]]:
    """Units at the nearest warehouse, but for those that are arranged. A parcel that is lost is sent again."""
    demand: Counter[tuple[str, str]] = Counter()
    warehouse = region_of(planned.basket.household).warehouse
    arranged_skus = {arrangement.sku for arrangement in planned.arrangements}
    for line in plan.sendable(planned.basket.lines):
        if line.sku not in arranged_skus:
            times = 2 if planned.scenario is Scenario.RESHIPPED else 1
            demand[line.sku, warehouse] += line.quantity * times
    return demand


def is_sendable(line: Line, articles: Mapping[str, Article]) -> bool:
    """True when the catalogue sells it and the quantity is not 0."""
    article = articles.get(line.sku)
    return line.quantity > 0 and article is not None and article.active
