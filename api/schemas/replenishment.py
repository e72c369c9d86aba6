"""Replenishment: bodies and answers."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from api.schemas.fields import Body, Code, OptionalText, Sku
from domain.replenishment.demand import DemandPattern

MAX_ORDERED = 500
_Days = Annotated[float, Field(strict=True, ge=0, le=365, allow_inf_nan=False)]
_WholeDays = Annotated[int, Field(strict=True, ge=0, le=365)]
_Many = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
_Cost = Annotated[int, Field(strict=True, ge=1, le=10**12)]
_ServiceLevel = Annotated[float, Field(strict=True, ge=0.5, le=0.9999, allow_inf_nan=False)]
_Window = Annotated[int, Field(strict=True, ge=7, le=365)]


class PutReplenishmentRule(Body):
    """How a product is replenished at a warehouse; without `sku` every product, without `warehouse` every warehouse.
    What is left out has its default."""

    sku: Sku | None = None
    warehouse: Code | None = None
    supplier: OptionalText = Field("", description="Whom it is ordered from; needed for automatic orders.")
    service_level: _ServiceLevel = Field(0.95, description="Probability of no stock-out until the goods arrive.")
    lead_time_days: _Days = Field(7.0, description="Days from the order to the arrival, on average.")
    lead_time_deviation_days: _Days = Field(0.0, description="Standard deviation of these days.")
    review_days: _WholeDays = Field(1, description="Days between two looks at the stock.")
    pack_size: _Many = Field(1, description="Units that come together.")
    min_order: _Many = Field(1, description="The fewest units of an order.")
    order_cost_minor: _Cost | None = Field(
        None, description="What an order costs, in minor units of the product's currency; null: not known."
    )
    holding_cost_minor: _Cost | None = Field(
        None, description="What a unit that lies for a year costs, in minor units; null: not known."
    )
    window_days: _Window = Field(90, description="Days of demand that are looked at.")
    automatic: Annotated[bool, Field(strict=True)] = Field(
        False, description="Purchase orders are placed without a person."
    )


class ReplenishmentRule(BaseModel):
    """A rule. The one that names a product and a warehouse goes before one that names the product, and that before one
    that names the warehouse."""

    rule_id: int
    sku: str | None
    warehouse: str | None
    supplier: str
    service_level: float
    lead_time_days: float
    lead_time_deviation_days: float
    review_days: int
    pack_size: int
    min_order: int
    order_cost_minor: int | None
    holding_cost_minor: int | None
    window_days: int
    automatic: bool
    updated_by: str
    updated_at: Time


class ReplenishmentRulePage(BaseModel):
    """Rules, the oldest first."""

    items: list[ReplenishmentRule]
    next_cursor: NextCursor


class Suggestion(BaseModel):
    """What is to be ordered of a product for a warehouse, and why."""

    sku: str
    name: str
    warehouse: str
    supplier: str = Field(description="Empty where no rule names one.")
    quantity: int = Field(description="Units to order.")
    demand_per_day: float
    deviation: float = Field(description="Standard deviation of a day's demand.")
    pattern: DemandPattern
    demand_days: int = Field(description="Days that were looked at; days without stock and without orders are not.")
    service_level: float
    lead_time_days: float
    lead_time_deviation_days: float
    review_days: int
    safety_stock: int = Field(description="Units of the reorder point that cover the variance.")
    reorder_point: int = Field(description="Below this position it is ordered.")
    on_hand: int
    reserved: int
    kept_back: int = Field(description="The safety stock of the level: never sold.")
    incoming: int = Field(description="Open units of purchase orders and transfers.")
    waiting: int = Field(description="Units of orders that wait for stock.")
    position: int = Field(description="on_hand - reserved - kept_back + incoming - waiting.")
    automatic: bool
    computed_at: Time


class SuggestionPage(BaseModel):
    """Suggestions of the newest run that are not ordered, by SKU and warehouse."""

    items: list[Suggestion]
    next_cursor: NextCursor


class SuggestedPair(Body):
    """A product at a warehouse."""

    sku: Sku
    warehouse: Code


class OrderSuggestions(Body):
    """Suggestions that become purchase orders, one for each supplier and warehouse. `supplier` goes before those of the
    rules."""

    lines: Annotated[list[SuggestedPair], Field(max_length=MAX_ORDERED)]
    supplier: OptionalText = ""


class NotNeeded(BaseModel):
    """Nothing is needed of it any more."""

    sku: str
    warehouse: str


class OrderedSuggestions(BaseModel):
    """The purchase orders, and what needed none: it was ordered meanwhile, or has arrived."""

    purchase_orders: list[str]
    not_needed: list[NotNeeded]


class StartReplenishmentRun(Body):
    """Nothing is needed."""


class ReplenishmentRun(BaseModel):
    """A run over the demand until the day before `until_day`."""

    run_id: int
    requested_by: str
    requested_at: Time
    until_day: date
    pairs: int = Field(description="Products at warehouses that are calculated so far.")
    suggested: int = Field(description="Those of which something is to be ordered.")
    calculated_at: Time | None = Field(description="From here on it places automatic orders.")
    finished_at: Time | None


class ReplenishmentRuns(BaseModel):
    """The newest runs."""

    items: list[ReplenishmentRun]
    next_cursor: None = Field(description="Always null: there is one page.")
