"""Bodies of the calls on webhook endpoints."""

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

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
