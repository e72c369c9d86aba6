"""Sourcing profiles in requests and answers."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Code, Country, Grouping, Name, Reason, Visible
from domain.sourcing.profile import Criterion, Profile, Rate, Strategy, Suppliers, condition_of
from domain.sourcing.profile import CriterionKind as Kind

Label = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=60, pattern=LINE), Visible]
MAX_STRATEGIES = 20
KINDS = tuple(kind.value for kind in Kind)
Named = Literal["region", "distance", "freight", "priority", "stock", "load", "cut_off"]
Amount = Annotated[int, Field(strict=True, ge=0, le=10_000_000)]
Days = Annotated[int, Field(strict=True, ge=0, le=90)]


class CriterionFields(Body):
    """What a strategy judges warehouses by."""

    kind: Named
    weight: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(description="Points of a perfect score.")
    exclude_below: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="A warehouse with a lower score does not ship."
    )


class ConditionFields(Body):
    """Which orders a strategy is for; an empty list does not restrict."""

    countries: list[Country] = Field(default_factory=list, max_length=50)
    provinces: list[Name] = Field(default_factory=list, max_length=50)
    channels: list[Code] = Field(default_factory=list, max_length=50)
    categories: list[Grouping] = Field(
        default_factory=list, max_length=50, description="Of products: one line of them is sufficient."
    )
    customer_groups: list[Grouping] = Field(default_factory=list, max_length=50)


class StrategyFields(Body):
    """How warehouses are chosen for the orders that the condition fits."""

    name: Label
    condition: ConditionFields = Field(default_factory=ConditionFields)
    criteria: list[CriterionFields] = Field(min_length=1, max_length=len(KINDS))
    split_points: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(
        1000, description="What each fulfilment costs, in the points of the criteria."
    )
    max_fulfilments: Annotated[int, Field(strict=True, ge=1, le=10)] = 4
    suppliers: Literal["last", "equal", "never"] = Field(
        "last",
        description="When suppliers ship: only where the warehouses cannot ship everything, judged beside the"
        " warehouses, or never.",
    )


class RateFields(Body):
    """What a parcel costs at a distance class, and how many days it takes."""

    parcel_minor: Amount = 0
    kg_minor: Amount = 0
    transit_from_days: Days
    transit_to_days: Days


class NewProfile(Body):
    """A version of the sourcing profile to keep. It decides nothing until it is activated."""

    name: Label
    reason: Reason
    strategies: list[StrategyFields] = Field(
        min_length=1, max_length=MAX_STRATEGIES,
        description="In order: the first that fits an order decides, the next that fits is its fallback. The last one"
        " has no condition.",
    )  # fmt: skip
    rates: list[RateFields] = Field(
        min_length=4, max_length=4, description="Same city, same province, same country, elsewhere."
    )

    def profile(self) -> Profile:
        """As sourcing takes it."""
        first, second, third, fourth = (Rate(**one.model_dump()) for one in self.rates)
        return Profile(tuple(_strategy(one) for one in self.strategies), (first, second, third, fourth))


class ActivateProfile(Body):
    """Why the version decides from now on. `accept_excluded`: also where past orders would find no warehouse."""

    reason: Reason
    accept_excluded: bool = False


class SourcingProfile(BaseModel):
    """A version of the sourcing profile."""

    version: int
    name: str
    reason: str
    active: bool = Field(description="Whether it decides now.")
    created_by: str
    created_at: Time
    activated_at: Time | None = Field(description="When it was activated last.")
    activated_by: str | None
    strategies: list[StrategyFields]
    rates: list[RateFields]


class SourcingProfiles(BaseModel):
    """All versions, the newest first."""

    items: list[SourcingProfile]
    next_cursor: None = Field(description="Always null: there is one page.")


class MovedOrder(BaseModel):
    """An order that would ship from elsewhere."""

    order_no: str
    before: list[str] = Field(description="The warehouses by the profile in force.")
    after: list[str] = Field(description="The warehouses by this version.")


class DryRun(BaseModel):
    """What would change for past orders, with the stock of today and their own units."""

    orders: int = Field(description="How many orders were tried, the newest first.")
    moved: int = Field(description="Orders that would ship from other warehouses.")
    split_before: int = Field(description="Orders in more than one fulfilment, by the profile in force.")
    split_after: int
    freight_before_minor: int = Field(description="By the rates of this version, for both.")
    freight_after_minor: int
    excluded: int = Field(description="Orders that some warehouse can ship, but none by this version.")
    examples: list[MovedOrder] = Field(description="At most 20 of the orders that would move.")
    excluded_orders: list[str] = Field(description="At most 20 of the excluded orders.")


def _strategy(one: StrategyFields) -> Strategy:
    condition = condition_of(one.condition.model_dump())
    criteria = tuple(Criterion(Kind(each.kind), each.weight, each.exclude_below) for each in one.criteria)
    return Strategy(one.name, criteria, condition, one.split_points, one.max_fulfilments, Suppliers(one.suppliers))
