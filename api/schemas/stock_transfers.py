"""Transfers between warehouses: bodies and answers."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from api.schemas.fields import MAX_RECEIPT, Body, Code, Moment, NotedReference, Sku, Units
from domain.stock.transfers import TransferStatus

MAX_LINES = 500
UnitsOrNone = Annotated[int, Field(strict=True, ge=0, le=MAX_RECEIPT)]


class WantedUnits(Body):
    """Units of a SKU."""

    sku: Sku
    quantity: Units


class CountedUnits(Body):
    """Units of a SKU that were seen; 0 is possible."""

    sku: Sku
    quantity: UnitsOrNone


class NewTransfer(Body):
    """Units that are to go from one warehouse to another: either `sku` with `quantity`, or `lines`; a SKU that is
    named twice is summed. A reference names one transfer. `expected_on` (2026-05-01) is the day on which they are to
    have arrived."""

    sku: Sku | None = None
    quantity: Units | None = None
    lines: Annotated[list[WantedUnits], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    source: Annotated[Code, Field(alias="from")]
    target: Annotated[Code, Field(alias="to")]
    reference: NotedReference
    expected_on: Moment | None = None


class ShipTransfer(Body):
    """The units that left; without lines, all that were requested."""

    lines: Annotated[list[CountedUnits], Field(max_length=MAX_LINES)] = Field(default_factory=list)


class ReceiveTransfer(Body):
    """The units that arrived; without lines, all that are in transit. A SKU that is not named did not arrive. With
    `more_expected` the rest is on its way and no case is opened. With `location` the units are put there."""

    lines: Annotated[list[CountedUnits], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    more_expected: bool = False
    location: Code | None = None


class CancelTransfer(Body):
    """Nothing is needed."""


class TransferLine(BaseModel):
    """A SKU of a transfer."""

    sku: str
    requested: int
    shipped: int
    received: int
    lost: int = Field(description="Units that a case wrote off.")
    in_transit: int = Field(description="Units that left and have not arrived; they are on no level.")


class Transfer(BaseModel):
    """A transfer. `expected_at` is when it is late."""

    transfer_id: str
    status: TransferStatus
    source: str = Field(alias="from")
    target: str = Field(alias="to")
    reference: str
    expected_at: Time | None
    requested_by: str
    requested_at: Time
    shipped_at: Time | None
    closed_at: Time | None
    lines: list[TransferLine]


class ReceivedTransfer(Transfer):
    """A transfer after a receipt."""

    cases: list[int] = Field(description="Cases that were opened for what is missing.")


class TransferPage(BaseModel):
    """Transfers, the newest first."""

    items: list[Transfer]
    next_cursor: NextCursor
