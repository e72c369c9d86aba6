"""Picking, packing and handing over: bodies and answers."""

from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Code, Visible
from domain.shipping.fulfilments import FulfilmentKind, FulfilmentStatus
from domain.shipping.picking import RefusalReason

MAX_LINES = 500
LineNo = Annotated[int, Field(strict=True, ge=1, le=100_000)]
Total = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Box = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=32, pattern=LINE), Visible]
Weight = Annotated[int, Field(strict=True, ge=1, le=9_999_999)]
Tracking = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=LINE), Visible]
ManifestId = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class LineTotal(Body):
    """How much of a line there is in all, calls before this one included."""

    line_no: LineNo
    quantity: Total


class PickedLine(LineTotal):
    """What of a line is picked in all. Less than the line has is a short pick: the rest was not found. With `more` the
    rest is picked later."""

    more: bool = False
    location: Code | None = None


class PickLines(Body):
    """What is picked; a line that is not named is picked later."""

    lines: Annotated[list[PickedLine], Field(min_length=1, max_length=MAX_LINES)]


class PackParcel(Body):
    """The parcel is packed. Lines are compared with what is picked."""

    lines: Annotated[list[LineTotal], Field(default_factory=list, max_length=MAX_LINES)]
    weight_g: Weight | None = None
    box: Box | None = None


class ShipParcel(Body):
    """The parcel is handed over. Lines are compared with what is picked; parcels of one manifest leave together. A
    supplier names who carries its parcel, and the tracking number; of other parcels they are known from the booking."""

    lines: Annotated[list[LineTotal], Field(default_factory=list, max_length=MAX_LINES)]
    manifest_id: ManifestId | None = None
    carrier: Code | None = None
    tracking_no: Tracking | None = None


class RefuseFulfilment(Body):
    """A supplier does not ship the fulfilment."""

    reason: Annotated[RefusalReason, Field(strict=False)]


class ProduceFulfilment(Body):
    """All of it is made. Its units are received at `warehouse`; left out: where it is planned."""

    warehouse: Code | None = None


class PerformService(Body):
    """The service is performed. There is nothing to say about it."""


class WorkedLine(BaseModel):
    """A line of a fulfilment and what of it is picked."""

    line_no: int
    sku: str
    quantity: int
    picked: int


class Shortage(BaseModel):
    """Units that were not found."""

    line_no: int
    quantity: int
    fulfilment_id: str | None = Field(description="The further fulfilment that sends them; null: none could.")
    case_id: int | None = Field(description="The stock case that is open where none could.")


class WorkedFulfilment(BaseModel):
    """A fulfilment as the warehouse works on it."""

    fulfilment_id: str
    order_no: str
    number: int
    warehouse: str
    kind: FulfilmentKind
    status: FulfilmentStatus
    lines: list[WorkedLine]
    shipment_id: str | None
    tracking_no: str | None
    weight_g: int | None
    box: str | None
    packed_at: Time | None
    manifest_id: str | None
    handed_at: Time | None
    short: list[Shortage] = Field(description="What this call reported as not found.")
