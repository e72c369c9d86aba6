"""Bodies and answers of the calls on webhook endpoints."""

import re
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, model_validator

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Code
from domain.stock.level_changed import STOCK_LEVEL_CHANGED

Url = Annotated[str, StringConstraints(strict=True, min_length=8, max_length=2_000, pattern=LINE)]
_EVENT_TYPE = rf"^([a-z][a-z_]{{0,63}}|{re.escape(STOCK_LEVEL_CHANGED)})$"
EventType = Annotated[str, StringConstraints(strict=True, pattern=_EVENT_TYPE)]


class Replay(Body):
    """What to send again: given-up messages of events from `since` on (RFC 3339), or all that are kept."""

    since: AwareDatetime | None = Field(default=None, strict=False)


class Replayed(BaseModel):
    """How many messages are on their way again; 20,000 at most, then ask once more with another key."""

    endpoint_id: str
    active: bool
    replayed: int


class NewEndpoint(Body):
    """Where events go; without event types, all events of orders. With `stock_channels` the stock levels of these
    channels, too; with the event type `stock.level_changed` alone, only they."""

    url: Url
    event_types: list[EventType] = Field(default=[], max_length=64)
    stock_channels: list[Code] = Field(
        default=[], max_length=50, description="Channels whose stock levels are sent (`stock.level_changed`)"
    )

    @model_validator(mode="after")
    def _names_both(self) -> "NewEndpoint":
        if self.event_types and (STOCK_LEVEL_CHANGED in self.event_types) != bool(self.stock_channels):
            raise ValueError(f"{STOCK_LEVEL_CHANGED} and stock_channels go together")
        return self


class AddedEndpoint(BaseModel):
    """An endpoint with the secret that signs its messages. The secret is shown to the request that added it only; null
    once the endpoint was removed."""

    endpoint_id: str
    url: str
    event_types: list[str]
    stock_channels: list[str]
    active: bool
    created_by: str
    created_at: Time
    secret: str | None


class Endpoint(BaseModel):
    """An endpoint without its secret. `given_up` counts messages that were given up and ends at 10,000."""

    endpoint_id: str
    url: str
    event_types: list[str] = Field(description="Empty: all events")
    stock_channels: list[str] = Field(description="Channels whose stock levels are sent")
    active: bool
    created_by: str
    created_at: Time
    failing_since: Time | None
    last_error: str | None
    disabled_at: Time | None
    given_up: int


class EndpointList(BaseModel):
    """All endpoints, the oldest first."""

    items: list[Endpoint]
    next_cursor: None = None


class ChannelStockLevel(BaseModel):
    """How many units of a product a channel can sell: of each active warehouse, what is above the buffer for it."""

    sku: str
    channel: str
    available: int = Field(ge=0, description="Units")
    at: Time = Field(description="When it was calculated")
    sequence: int = Field(ge=1, description="Grows with each level of the product in the channel")


class StockLevelChanged(BaseModel):
    """What is posted to an endpoint with `stock_channels` when a level differs from the one it was sent last."""

    type: Literal["stock.level_changed"]
    timestamp: Time
    data: ChannelStockLevel
