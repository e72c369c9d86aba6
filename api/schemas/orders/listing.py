"""What the list of orders takes and answers."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time
from api.schemas.orders.order_parts import Situation, WaitingFor
from domain.orders.payment_status import PaymentState
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.shipping.fulfilment_status import FulfilmentState

Matched = Literal[
    "order_no", "external_ref", "tracking_no", "payment", "refund", "return", "document",
    "email", "phone", "name", "sku", "product_name",
]  # fmt: skip


class Destination(BaseModel):
    """Where an order goes."""

    country: str
    province: str
    city: str | None = Field(description="Null for staff who may not read personal data.")


class FulfilmentProgress(BaseModel):
    """How many parts an order has, without cancelled ones, how many have left, and how many of these have arrived."""

    total: int
    shipped: int
    delivered: int


class OrderRow(BaseModel):
    """One order of a list. `needs_attention` is the step that is parked, `hold` what holds it, both null otherwise."""

    order_no: str
    status: Status
    channel: str
    external_ref: str | None
    customer_id: str
    total_minor: Minor
    currency: CurrencyCode
    created_at: Time
    updated_at: Time
    needs_attention: str | None
    hold: str | None
    warehouse: str | None
    priority: Priority
    situation: Situation
    waiting_for: WaitingFor | None
    tags: list[str] | None = Field(default=None, description="For staff alone.")
    assignee: str | None = Field(default=None, description="Who looks after the order. For staff alone.")
    customer_name: str | None = Field(
        description="Null for staff who may not read personal data (finance and operations), where the order names"
        " nobody, and after the customer was erased."
    )
    item_count: int = Field(description="Units of all lines, without those that were cancelled.")
    item_names: list[str] = Field(description="The products of the first three lines.")
    destination: Destination
    payment_status: PaymentState
    fulfilment_status: FulfilmentState = Field(
        description="Of an order that ships in several parts, that of the part that is least far."
    )
    fulfilment_progress: FulfilmentProgress | None = Field(description="Null for an order that ships in one part.")
    warehouses: list[str] = Field(description="Those of all parts, the first part's first.")
    matched: list[Matched] = Field(
        description="What of the order `q` fits, sorted; empty without `q`. email, phone and name are those of the"
        " customer or of the receiver: as the order named them, as they were corrected, or as the customer is known"
        " now; for staff the e-mail address also as another order of the same customer named it."
    )


class OrderPage(BaseModel):
    """A page; `next_cursor` null on the last one."""

    items: list[OrderRow]
    next_cursor: str | None
