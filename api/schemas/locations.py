"""Locations within a warehouse: bodies and answers."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.fields import LINE, Body, Code, InPath, Reference, Sku, Units, Visible

Zone = Annotated[str, StringConstraints(strict=True, max_length=32, pattern=LINE), Visible]
LocationName = Annotated[str, StringConstraints(strict=True, max_length=64, pattern=LINE), Visible]
Sequence = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class NewLocation(Body):
    """A place in a warehouse; pickers walk by `sequence`."""

    warehouse: Code
    code: Annotated[Code, InPath]
    name: LocationName = ""
    zone: Zone = ""
    sequence: Sequence = 0


class ChangeLocation(Body):
    """What changes; what is left out stays. With `active: false` it is closed and takes nothing new; units that are
    there leave it before."""

    name: LocationName = Field(default_factory=str)
    zone: Zone = Field(default_factory=str)
    sequence: Sequence = Field(default_factory=int)
    active: bool = Field(default_factory=bool)


class MoveWithin(Body):
    """Units that move within a warehouse. Without `from` they were not placed yet, without `to` they are no more."""

    warehouse: Code
    sku: Sku
    quantity: Units
    source: Annotated[Code | None, Field(alias="from")] = None
    target: Annotated[Code | None, Field(alias="to")] = None
    reference: Reference


class Location(BaseModel):
    """A place in a warehouse with the units of all SKUs there."""

    warehouse: str
    code: str
    name: str
    zone: str
    sequence: int
    active: bool = Field(description="False: it is closed and takes nothing new.")
    units: int


class Locations(BaseModel):
    """Locations in walking order."""

    items: list[Location]
    next_cursor: None = Field(description="Always null: there is one page of 2,000 at most.")


class PickLocation(BaseModel):
    """Where units of a SKU are."""

    sku: str
    location: str | None = Field(description="Null: not placed.")
    zone: str
    sequence: int | None
    on_hand: int


class PickLocations(BaseModel):
    """Where a SKU is, in walking order."""

    items: list[PickLocation]
    next_cursor: None = Field(description="Always null: there is one page.")
