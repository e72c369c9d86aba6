"""Settings of warehouses that sourcing uses, in requests and answers."""

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from api.schemas.fields import Body, Code


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is not the name of a time zone, as Asia/Shanghai")
    return name


CutOff = Annotated[str, StringConstraints(strict=True, pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
Zone = Annotated[str, StringConstraints(strict=True, max_length=64), AfterValidator(_zone)]
Many = Annotated[int, Field(strict=True, ge=0, le=1_000_000)]


class SetSourcingWarehouse(Body):
    """Until when a warehouse ships on a day, and how much. What is left out has its default."""

    cut_off: CutOff = Field("16:00", description="What is ordered before it leaves on the same day.")
    time_zone: Zone = Field("UTC", description="The zone of the cut-off, as `Asia/Shanghai`.")
    capacity: Many | None = Field(None, description="Parcels a day; null: no limit.")
    buffer: Many = Field(0, description="Units of each product that sourcing leaves there.")
    channel_buffers: dict[Code, Many] = Field(
        default_factory=dict, max_length=50, description="The buffer for orders of some channels, by channel."
    )


class SourcingWarehouse(BaseModel):
    """The settings of a warehouse."""

    warehouse: str
    cut_off: str
    time_zone: str
    capacity: int | None
    buffer: int
    channel_buffers: dict[str, int]


class SourcingWarehouses(BaseModel):
    """Those of all warehouses, by code."""

    items: list[SourcingWarehouse]
    next_cursor: None = Field(description="Always null: there is one page.")
