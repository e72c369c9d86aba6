"""Stock levels and movements in answers."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import NextCursor, Time
from domain.stock.movements import MovementKind


class StockLevel(BaseModel):
    """The level of a SKU at a warehouse."""

    warehouse: str
    on_hand: int = Field(description="Units there, without those in quarantine.")
    reserved: int = Field(description="Units that orders have reserved.")
    available: int = Field(description="`on_hand` less `reserved` and `safety_stock`.")
    incoming: int = Field(description="Units on their way.")
    safety_stock: int = Field(description="Units that are kept back.")
    quarantined: int


class StockLevels(BaseModel):
    """The levels of a SKU at every warehouse."""

    sku: str
    items: list[StockLevel]
    next_cursor: None = Field(description="Always null: there is one page.")


class ListedLevel(StockLevel):
    """The level of a product at a warehouse."""

    sku: str
    name: str
    names: dict[str, str] = Field(description="The product's names by language.")
    active: bool = Field(description="Whether the product can be ordered.")
    picture_id: str | None


class StockPage(BaseModel):
    """Levels by SKU and warehouse."""

    items: list[ListedLevel]
    next_cursor: NextCursor


class StockMovement(BaseModel):
    """A movement of a product's stock."""

    movement_id: int
    kind: MovementKind
    warehouse: str
    quantity: int = Field(description="Units that moved; those of an adjustment are signed.")
    on_hand_delta: int
    reserved_delta: int
    quarantined_delta: int
    order_no: str | None
    reference: str | None = Field(description="What a receipt or transfer came with; the reason of an adjustment.")
    actor: str = Field(description="`role:name`, or the system.")
    created_at: Time
    location: str | None = Field(description="The location that was named for the units; null for none.")


class MovementPage(BaseModel):
    """Movements, the newest first."""

    items: list[StockMovement]
    next_cursor: NextCursor


class SafetyStockLevel(StockLevel):
    """The level after its safety stock was set."""

    sku: str


class Movement(BaseModel):
    """A movement of stock, and the level that it led to."""

    movement_id: int
    sku: str
    warehouse: str
    quantity: int = Field(description="Units that moved; those of an adjustment are signed.")
    on_hand: int
    reserved: int
    available: int
    quarantined: int


class BookedReceipt(Movement):
    """A receipt."""

    reference: str


class BookedAdjustment(Movement):
    """An adjustment."""

    reason: str


class BookedDisposition(Movement):
    """Pieces that left quarantine."""

    disposition: Literal["restock", "scrap"]
    reason: str
