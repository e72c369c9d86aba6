"""The body and the answer of changing an order after it was placed."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor
from api.schemas.fields import Body, Note
from api.schemas.order_lines import OfLine
from api.schemas.orders.order_parts import SkuQuantity, Slot
from api.schemas.orders.orders import DeliverySlot, Payment, ShipTo
from domain.orders.status import Status


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


class ChangedLine(BaseModel):
    """Units of a SKU before and after."""

    sku: str
    before: int
    after: int
    unit_price_minor: Minor


class ChangeOfLines(BaseModel):
    """The lines that have more or fewer units."""

    what: Literal["lines"]
    lines: list[ChangedLine]


class ChangeOfSlot(BaseModel):
    """The delivery slot before and after."""

    what: Literal["delivery_slot"]
    before: Slot | None
    after: Slot | None


class ChangeOfText(BaseModel):
    """The address or the note has another text."""

    what: Literal["address", "note"]


class ChangedOrder(BaseModel):
    """What a change does, or with `preview=true` would do."""

    order_no: str
    status: Status
    changes: list[ChangeOfLines | ChangeOfSlot | ChangeOfText]
    total_before_minor: Minor
    total_after_minor: Minor
    refund_minor: int = Field(description="What is refunded, in minor units.")
    to_pay_minor: int = Field(description="What is still to be paid, in minor units.")
    currency: CurrencyCode
    stock: list[SkuQuantity] = Field(description="Units that the order reserves more, or (negative) fewer.")
    refund_id: str | None = Field(default=None, description="The refund of the difference.")
    state: Literal["applied", "awaiting_payment"] = Field(
        description="`awaiting_payment` while the difference of a paid order is being taken; until then the order stays"
        " as it was."
    )
