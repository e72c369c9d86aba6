"""The body and the answer of changing an order after it was placed."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.fields import Body, Note
from api.schemas.order_lines import OfLine
from api.schemas.orders.orders import DeliverySlot, Payment, ShipTo


class WantedLine(OfLine):
    """How many units of a line, or of a SKU, the order is to have."""


class ChangeOrder(Body):
    """What is left out stays. `ship_to` is the whole address, `lines` the whole new list: lines that it
    does not name go; several that name one SKU are summed, and are what its lines that no `line_no` names have then;
    `note` null or empty takes the note away, `delivery_slot` null the slot. `payment` pays the difference
    of a paid order that costs more by it; where nothing is to be paid on top it is not used."""

    ship_to: ShipTo | None = None
    lines: list[WantedLine] | None = Field(default=None, min_length=1)
    note: Note | None = None
    delivery_slot: DeliverySlot | None = None
    payment: Payment | None = None


class StockChange(BaseModel):
    """Units that the order holds more or (negative) fewer."""

    sku: str
    quantity: int


class ChangedOrder(BaseModel):
    """What a change does, or with `preview=true` would do. `changes` has `{what}`, of lines with `lines: [{sku, before,
    after, unit_price_minor}]`, of the slot with `before` and `after`; `to_pay_minor` is what is still to be paid.
    `state`: `applied`, or `awaiting_payment` while the difference of a paid order is being taken, until when the order
    stays as it was."""

    order_no: str
    status: str
    changes: list[dict[str, Any]]
    total_before_minor: int
    total_after_minor: int
    refund_minor: int
    to_pay_minor: int
    currency: str
    stock: list[StockChange]
    refund_id: str | None = None
    state: Literal["applied", "awaiting_payment"] = "applied"
