"""Sourcing in requests and answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import Time
from api.schemas.fields import Body, Code, Reason, Reference


class PlannedPart(BaseModel):
    """What one warehouse would send."""

    warehouse: str
    quantity: int
    ships_by: Time = Field(description="When the parcel leaves the warehouse at the latest.")
    arrives_by: Time = Field(description="When it arrives at the latest.")


class Availability(BaseModel):
    """Whether the units can be sent there, and when they arrive."""

    available: bool = Field(description="Whether all of the quantity can be sent, now or at the promised time.")
    backorder: bool = Field(
        description="Whether a part of it is on its way to a warehouse: the order is to be placed with `backorder`."
    )
    promised_from: Time | None = Field(description="When the last part arrives at the earliest; null if not available.")
    promised_to: Time | None = Field(description="When the last part arrives at the latest; null if not available.")
    plan: list[PlannedPart] = Field(description="Who would send how many; less than the quantity if not available.")


class SharedLine(BaseModel):
    """Units of a line."""

    line_no: int
    sku: str
    quantity: int


class Share(BaseModel):
    """What one warehouse ships."""

    warehouse: str
    lines: list[SharedLine]
    freight_minor: int | None = Field(default=None, description="Of this parcel, by the rates of the profile.")


class Considered(BaseModel):
    """How a warehouse was judged."""

    warehouse: str
    score: float = Field(description="From 0 to 1, the criteria by their weights.")
    criteria: dict[str, float] = Field(description="The score of each criterion of the strategy, from 0 to 1.")
    excluded_by: str | None = Field(
        description="Why it could not ship: `inactive`, `capacity`, `no_stock`, or the criterion that excluded it."
    )


class Overridden(BaseModel):
    """Who chose another warehouse for which fulfilment, the last time."""

    fulfilment_id: str
    from_warehouse: str
    to_warehouse: str
    by: str


class OrderSourcing(BaseModel):
    """Why an order ships from where it does. Before stock is reserved, `decided_at` is null and the lists are empty."""

    decided_at: Time | None
    profile_version: int = Field(description="The version of the sourcing profile; 0 is the default profile.")
    strategy: str | None
    derived: bool = Field(
        description="True where one warehouse ships everything: the comparison is made when it is read, by the default"
        " profile; `no_stock` then says that a warehouse that scores better did not have everything."
    )
    chosen: list[Share]
    unallocated: list[SharedLine]
    considered: list[Considered] = Field(description="The best first.")
    freight_minor: int = Field(description="Estimated by the rates of the profile.")
    overridden: Overridden | None = Field(description="Set where a person chose the warehouse.")


class ChooseWarehouse(Body):
    """The warehouse that is to ship a fulfilment. Its id may be left out where the order has one."""

    fulfilment_id: Reference | None = None
    warehouse: Code
    reason: Reason


class ChosenWarehouse(BaseModel):
    """The fulfilment ships from there."""

    order_no: str
    fulfilment_id: str
    warehouse: str
