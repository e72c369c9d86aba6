"""Bodies and answers of the calls on webhook endpoints."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body

Url = Annotated[str, StringConstraints(strict=True, min_length=8, max_length=2_000, pattern=LINE)]
EventType = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z_]{0,63}$")]


class Replay(Body):
    """What to send again: given-up messages of events from `since` on (RFC 3339), or all that are kept."""

    since: AwareDatetime | None = Field(default=None, strict=False)


class Replayed(BaseModel):
    """How many messages are on their way again; 20,000 at most, then ask once more with another key."""

    endpoint_id: str
    active: bool
    replayed: int


class NewEndpoint(Body):
    """Where events go; without event types, all of them."""

    url: Url
    event_types: list[EventType] = Field(default=[], max_length=64)


class AddedEndpoint(BaseModel):
    """An endpoint with the secret that signs its messages. The secret is shown to the request that added it only; null
    once the endpoint was removed."""

    endpoint_id: str
    url: str
    event_types: list[str]
    active: bool
    created_by: str
    created_at: Time
    secret: str | None


class Endpoint(BaseModel):
    """An endpoint without its secret. `given_up` counts messages that were given up and ends at 10,000."""

    endpoint_id: str
    url: str
    event_types: list[str] = Field(description="Empty: all events")
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
