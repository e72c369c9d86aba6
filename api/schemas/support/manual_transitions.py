"""Bodies of adjusting and approving."""

from typing import Annotated, Any

from pydantic import Field

from api.schemas.fields import Body, Reason
from domain.orders.status import Event


class Adjust(Body):
    """What has happened, as an event of the lifecycle; `value` has the shape that the event asks for."""

    event: Annotated[Event, Field(strict=False)]
    reason: Reason
    value: dict[str, Any] | None = None


class Decide(Body):
    """Why the second person agrees, or does not."""

    reason: Reason
