"""Bodies of the calls on webhook endpoints."""

from typing import Annotated

from pydantic import Field, StringConstraints

from api.schemas.text import LINE, Body

Url = Annotated[str, StringConstraints(strict=True, min_length=8, max_length=2_000, pattern=LINE)]
EventType = Annotated[str, StringConstraints(strict=True, pattern=r"^[a-z][a-z_]{0,63}$")]


class NewEndpoint(Body):
    """Where events go; without event types, all of them."""

    url: Url
    event_types: list[EventType] = Field(default=[], max_length=64)
