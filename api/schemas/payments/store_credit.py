"""Store credit as the API shows it."""

from typing import Literal

from pydantic import BaseModel

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time


class StoreCreditBalance(BaseModel):
    """What can be spent now, and what is reserved for payments under way."""

    currency: CurrencyCode
    balance_minor: Minor
    held_minor: Minor


class StoreCreditEntry(BaseModel):
    """One movement; the deltas are what it did to balance and held."""

    entry_id: int
    kind: Literal["granted", "held", "released", "spent", "returned"]
    currency: CurrencyCode
    amount_minor: Minor
    balance_delta: Minor
    held_delta: Minor
    order_no: str
    return_id: str | None
    return_no: int | None
    created_at: Time


class StoreCredit(BaseModel):
    """A customer's store credit, in minor units of each currency."""

    customer_id: str
    balances: list[StoreCreditBalance]
    items: list[StoreCreditEntry]
    next_cursor: NextCursor
