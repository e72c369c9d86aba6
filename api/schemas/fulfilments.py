"""Fulfilments in answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.shipping.lateness import Lateness


class FulfilmentLine(BaseModel):
    """How much of a line of the order a fulfilment has."""

    line_no: int
    sku: str
    quantity: int


class Fulfilment(BaseModel):
    """A part of an order that one warehouse ships. An order has one or several."""

    fulfilment_id: str
    number: int = Field(description="1 and up within the order.")
    warehouse: str
    kind: FulfilmentKind = Field(
        description="`parcel` ships from stock; what is in `production` is made first; `codes` and `service` have no"
        " parcel."
    )
    status: FulfilmentStatus = Field(
        description="`failed`: its parcel is lost or refused, and somebody decides what becomes of it."
    )
    lines: list[FulfilmentLine]
    shipment_id: str | None = Field(description="Its newest parcel; null while there is none.")
    promised_to: Time | None = Field(description="Until when it is promised to arrive.")


class ListedFulfilment(Fulfilment):
    """A fulfilment in a list."""

    order_no: str
    late: Lateness | None = Field(
        description="`passed`: the promised time is over; `moved`: it was promised again. Null where it is not late."
    )
    created_at: Time
    updated_at: Time


class FulfilmentPage(BaseModel):
    """Fulfilments, those of the oldest orders first."""

    items: list[ListedFulfilment]
    next_cursor: NextCursor
