"""What a run needs before it starts: articles, stock, and whose article is to be short."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from workers.demo import catalogue, dataset
from workers.demo.catalogue import Article
from workers.demo.customers import region_of
from workers.demo.dataset import Basket, Line
from workers.demo.scenarios import Scenario, scenario_of


@dataclass(frozen=True, slots=True)
class Shortage:
    """An article that only one basket wants, at the warehouse that would send it: one unit less than it wants."""

    sku: str
    warehouse: str
    units: int


@dataclass(frozen=True, slots=True)
class Errand:
    """A basket with what is to become of it."""

    basket: Basket
    fate: Scenario


@dataclass(frozen=True)
class Plan:
    """`demand` is {(sku, warehouse): units} that suffice for every order; `shortages` {basket_id: what it misses}."""

    folder: Path
    count: int
    seed: int
    articles: Mapping[str, Article]
    demand: Mapping[tuple[str, str], int]
    shortages: Mapping[int, Shortage]

    def errands(self) -> Iterator[Errand]:
        """Every basket of the run, in order."""
        for errand in self.dealt():
            # Without an article of its own no order can be made short.
            short = errand.fate is not Scenario.OUT_OF_STOCK or errand.basket.basket_id in self.shortages
            yield errand if short else Errand(errand.basket, Scenario.PLAIN)

    def dealt(self) -> Iterator[Errand]:
        """Every basket with the fate that the seed deals it, one card to each that will cost something."""
        place = 0
        for basket in dataset.read(self.folder, self.count):
            if self.total_minor(self.sendable(basket.lines)):
                yield Errand(basket, scenario_of(place, self.seed))
                place += 1
            else:
                yield Errand(basket, Scenario.PLAIN)

    def sendable(self, lines: tuple[Line, ...]) -> tuple[Line, ...]:
        """Those lines that can be ordered."""
        return tuple(line for line in lines if is_sendable(line, self.articles))

    def total_minor(self, lines: tuple[Line, ...]) -> int:
        """What these lines cost by the catalogue, in cents."""
        return sum(line.quantity * self.articles[line.sku].price_minor for line in lines)


def make(folder: Path, count: int, seed: int) -> Plan:
    """Reads the baskets once for articles, once for stock; what stays in memory grows with articles, not baskets."""
    wanted: Counter[str] = Counter()
    for basket in dataset.read(folder, count):
        wanted.update({line.sku for line in basket.lines})
    plan = Plan(folder, count, seed, catalogue.load(folder, wanted), {}, {})
    demand: Counter[tuple[str, str]] = Counter()
    shortages: dict[int, Shortage] = {}
    for errand in plan.dealt():
        basket = errand.basket
        lines, warehouse = plan.sendable(basket.lines), region_of(basket.household).warehouse
        for line in lines:
            demand[line.sku, warehouse] += line.quantity * (2 if errand.fate is Scenario.RESHIPPED else 1)
        if errand.fate is Scenario.OUT_OF_STOCK:
            own = next((line.sku for line in lines if wanted[line.sku] == 1), None)
            if own is not None:
                units = sum(line.quantity for line in lines if line.sku == own) - 1
                shortages[basket.basket_id] = Shortage(own, warehouse, units)
    for shortage in shortages.values():
        del demand[shortage.sku, shortage.warehouse]
    return replace(plan, demand=demand, shortages=shortages)


def is_sendable(line: Line, articles: Mapping[str, Article]) -> bool:
    """True when the catalogue sells it and there is something of it."""
    article = articles.get(line.sku)
    return line.quantity > 0 and article is not None and article.active
