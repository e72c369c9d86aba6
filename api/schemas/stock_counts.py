"""Counts of a warehouse: bodies and answers."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from api.schemas.fields import Body, Code, Moment, NotedReference, Sku
from api.schemas.stock_transfers import MAX_LINES, UnitsOrNone
from domain.stock.counting import CountStatus


class CountedLine(Body):
    """Units of a SKU that were counted: at a location, or in the whole warehouse."""

    sku: Sku
    counted: UnitsOrNone
    location: Code | None = None


class NewCount(Body):
    """What was counted in a warehouse; a SKU and location is named once, and a reference names one count. With
    `counted_at` (RFC 3339, within the last 7 days) it was counted then; without, now."""

    warehouse: Code
    lines: Annotated[list[CountedLine], Field(max_length=MAX_LINES)]
    reference: NotedReference
    counted_at: Moment | None = None


class DecideCount(Body):
    """Nothing is needed."""


class CountLine(BaseModel):
    """A line of a count."""

    sku: str
    location: str | None = Field(description="Null: all locations of the warehouse.")
    counted: int
    expected: int = Field(description="What the ledger had at the moment of counting.")
    difference: int


class StockCount(BaseModel):
    """A count. Its differences are adjustments once it is `posted`; while it is `short`, orders hold more than was
    counted."""

    count_id: str
    status: CountStatus
    warehouse: str
    reference: str
    counted_by: str
    counted_at: Time
    decided_by: str | None
    posted_at: Time | None
    lines: list[CountLine]
    cases: list[int] = Field(description="Cases that were opened because orders hold more than was counted.")


class CountPage(BaseModel):
    """Counts, the newest first."""

    items: list[StockCount]
    next_cursor: NextCursor
