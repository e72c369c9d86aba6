"""Body and answer of a manual transition."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.schemas.fields import Body, Reason, Reference
from domain.orders.status import OrderEvent, Status


class Adjust(Body):
    """What has happened, as an event of the lifecycle; `value` has the shape that the event asks for. Of an order that
    ships in several parts, `fulfilment_id` says whose parcel it is about."""

    event: Annotated[OrderEvent, Field(strict=False)]
    reason: Reason
    value: dict[str, Any] | None = None
    fulfilment_id: Reference | None = None


class AdjustedOrder(BaseModel):
    """The workflow accepted the event; `status` is the order's status after it."""

    order_no: str
    status: Status
    outcome: OrderEvent
