"""Stock levels and movements in answers."""

from typing import Literal

from pydantic import BaseModel, Field


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


class BookedTransfer(Movement):
    """A transfer; the level is that of the warehouse `to`."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    reference: str


class BookedDisposition(Movement):
    """Pieces that left quarantine."""

    disposition: Literal["restock", "scrap"]
    reason: str
