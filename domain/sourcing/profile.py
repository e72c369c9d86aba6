"""A sourcing profile: strategies by condition, each with criteria that score or exclude a warehouse."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypedDict

from domain.sourcing.request import SourcingRequest


class CriterionKind(StrEnum):
    """What a warehouse is judged by; each gives a score from 0 (worst) to 1 (best)."""

    REGION = "region"  # same city, same province, same country, elsewhere
    DISTANCE = "distance"  # kilometres
    FREIGHT = "freight"  # what the parcel costs by the rates of the profile
    PRIORITY = "priority"  # of the warehouse
    STOCK = "stock"  # the share of the ordered units that it has
    LOAD = "load"  # open fulfilments
    CUT_OFF = "cut_off"  # 1 while it still ships today


@dataclass(frozen=True, slots=True)
class Criterion:
    """Weighs in with `weight` points; a warehouse that scores less than `exclude_below` does not ship."""

    kind: CriterionKind
    weight: int
    exclude_below: float = 0.0


@dataclass(frozen=True, slots=True)
class Condition:
    """Which orders a strategy is for; an empty tuple does not restrict."""

    countries: tuple[str, ...] = ()
    provinces: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    customer_groups: tuple[str, ...] = ()

    def fits(self, request: SourcingRequest) -> bool:
        """True for an order that it is for; one line of a category is sufficient."""
        to = request.destination
        named = (
            (self.countries, (to.country,)),
            (self.provinces, (to.province,)),
            (self.channels, (request.channel,)),
            (self.customer_groups, (request.customer_group,)),
            (self.categories, tuple(line.category or "" for line in request.lines)),
        )
        return all(not allowed or any(value in allowed for value in values) for allowed, values in named)

    def fields(self) -> "ConditionFields":
        """The condition as the API and the database have it."""
        return {
            "countries": list(self.countries), "provinces": list(self.provinces), "channels": list(self.channels),
            "categories": list(self.categories), "customer_groups": list(self.customer_groups),
        }  # fmt: skip


class ConditionFields(TypedDict):
    """Which orders a strategy is for; an empty list does not restrict."""

    countries: list[str]
    provinces: list[str]
    channels: list[str]
    categories: list[str]
    customer_groups: list[str]


def condition_of(named: Mapping[str, Sequence[str]]) -> Condition:
    """The condition with these lists."""
    return Condition(**{name: tuple(values) for name, values in named.items()})


@dataclass(frozen=True, slots=True)
class Rate:
    """What a parcel costs, so much for the parcel and so much for each kilogram, and how many days it takes."""

    parcel_minor: int = 0
    kg_minor: int = 0
    transit_from_days: int = 1
    transit_to_days: int = 2


Rates = tuple[Rate, Rate, Rate, Rate]
DEFAULT_RATES = (Rate(0, 0, 1, 1), Rate(0, 0, 1, 2), Rate(0, 0, 2, 4), Rate(0, 0, 7, 15))


class Suppliers(StrEnum):
    """When a strategy takes suppliers."""

    LAST = "last"  # only where the warehouses cannot ship everything, by no strategy that fits
    EQUAL = "equal"  # judged beside the warehouses
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Strategy:
    """How warehouses are chosen for the orders that `condition` fits.

    `split_points` is what each further fulfilment costs against the weights of the criteria: where it is more than all
    weights together, fewest fulfilments come first.
    """

    name: str
    criteria: tuple[Criterion, ...]
    condition: Condition = field(default_factory=Condition)
    split_points: int = 1000
    max_fulfilments: int = 4
    suppliers: Suppliers = Suppliers.LAST


@dataclass(frozen=True, slots=True)
class Profile:
    """Strategies in order: the first that fits decides; where it leaves something unallocated, the next that fits is
    its fallback. `rates` are for distance classes 0 to 3."""

    strategies: tuple[Strategy, ...]
    rates: Rates = DEFAULT_RATES
    version: int = 0

    @property
    def judges_by_load(self) -> bool:
        """True where a criterion asks how much each warehouse has to do."""
        return any(one.kind is CriterionKind.LOAD for strategy in self.strategies for one in strategy.criteria)

    def strategies_for(self, request: SourcingRequest) -> tuple[Strategy, ...]:
        """Those that fit, in order."""
        return tuple(strategy for strategy in self.strategies if strategy.condition.fits(request))


# Distance class, then priority, then code: priority weighs less than the step from one class to the next.
DEFAULT_STRATEGY = Strategy("default", (Criterion(CriterionKind.REGION, 100), Criterion(CriterionKind.PRIORITY, 10)))
DEFAULT_PROFILE = Profile((DEFAULT_STRATEGY,))
