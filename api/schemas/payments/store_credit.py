"""Store credit as the API shows it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class StoreCreditBalance(BaseModel):
    """What can be spent now, and what is reserved for payments under way."""

    currency: str
    balance_minor: int
    held_minor: int


class StoreCreditEntry(BaseModel):
    """One movement; the deltas are what it did to balance and held."""

    entry_id: int
    kind: Literal["granted", "held", "released", "spent", "returned"]
    currency: str
    amount_minor: int
    balance_delta: int
    held_delta: int
    order_no: str
    return_id: str | None
    return_no: int | None
    created_at: datetime


class StoreCredit(BaseModel):
    """A customer's store credit, in minor units of each currency."""

    customer_id: str
    balances: list[StoreCreditBalance]
    items: list[StoreCreditEntry]
    next_cursor: str | None = Field(description="Null on the last page.")
