"""What the list of orders takes and answers."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

Matched = Literal[
    "order_no", "external_ref", "tracking_no", "payment", "refund", "return", "document",
    "email", "phone", "name", "sku", "product_name",
]  # fmt: skip


class OrderRow(BaseModel):
    """One order of a list. `needs_attention` is the step that is stuck, `hold` what holds it, both null otherwise."""

    order_no: str
    status: str
    channel: str
    external_ref: str | None
    customer_id: str
    total_minor: int
    currency: str
    created_at: datetime
    updated_at: datetime
    needs_attention: str | None
    hold: str | None
    warehouse: str | None
    priority: str
    waiting_for: dict[str, Any] | None
    matched: list[Matched] = Field(
        description="What of the order `q` fits, sorted; empty without `q`. email, phone and name are those of the"
        " customer or of the receiver: as the order named them, as they were corrected, or as the customer is known"
        " now."
    )


class OrderPage(BaseModel):
    """A page; `next_cursor` null on the last one."""

    items: list[OrderRow]
    next_cursor: str | None
