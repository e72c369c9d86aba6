"""Store credit as the API shows it."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel


class Balance(BaseModel):
    """What can be spent now, and what is reserved for payments under way."""

    currency: str
    balance_minor: int
    held_minor: int


class Entry(BaseModel):
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
    """A customer's store credit."""

    customer_id: str
    balances: list[Balance]
    items: list[Entry]
    next_cursor: str | None
