"""Purchase orders: bodies and answers."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from api.schemas.fields import Body, Code, Identity, InPath, Moment, Name
from api.schemas.stock_transfers import MAX_LINES, WantedUnits
from domain.stock.purchasing import ArrivalSource, PurchaseOrderStatus

Tolerance = Annotated[int, Field(strict=True, ge=0, le=100)]
Lines = Annotated[list[WantedUnits], Field(max_length=MAX_LINES)]


class NewPurchaseOrder(Body):
    """What is ordered from a supplier; a SKU that is named twice is summed. `expected_on` (2026-05-01) is the day on
    which it is to arrive, `over_percent` how much more than ordered may arrive of each SKU."""

    number: Annotated[Identity, InPath]
    supplier: Name
    warehouse: Code
    expected_on: Moment
    lines: Lines
    over_percent: Tolerance | None = None


class ChangePurchaseOrder(Body):
    """What changes; what is left out stays. `lines` is the whole new set; what has arrived of a SKU stays."""

    supplier: Name = Field(default_factory=str)
    expected_on: Moment = Field(default_factory=str)
    lines: Lines = Field(default_factory=list)
    over_percent: Tolerance = Field(default_factory=int)


class CancelPurchaseOrder(Body):
    """Nothing is needed."""


class PurchaseOrderLine(BaseModel):
    """A SKU of a purchase order."""

    sku: str
    quantity: int
    received: int
    open: int = Field(description="Units that are incoming.")
    over_percent: int


class PurchaseOrder(BaseModel):
    """A purchase order. `version` is new with each change."""

    number: str
    supplier: str
    warehouse: str
    expected_on: date
    status: PurchaseOrderStatus
    created_by: str
    created_at: Time
    version: int
    lines: list[PurchaseOrderLine]


class PurchaseOrderPage(BaseModel):
    """Purchase orders, the newest first."""

    items: list[PurchaseOrder]
    next_cursor: NextCursor


class Arrival(BaseModel):
    """Units that are expected at a warehouse."""

    sku: str
    warehouse: str
    quantity: int
    expected_on: date
    source: ArrivalSource
    reference: str = Field(description="The number of the purchase order, or the id of the transfer.")


class Arrivals(BaseModel):
    """What is expected of a SKU, the earliest first."""

    items: list[Arrival]
    next_cursor: None = Field(description="Always null: there is one page.")
