"""Bodies of the call on what an order waits for, and what it answers."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time
from api.schemas.fields import Body, Reason
from domain.orders.backorder_choices import BackorderChoice


class ChooseBackorder(Body):
    """Wait on, or cancel what is missing; and why, which is kept encrypted."""

    choice: Annotated[BackorderChoice, Field(strict=False)]
    reason: Reason | None = None


class BackorderChosen(BaseModel):
    """What was chosen, or with `preview=true` would be."""

    order_no: str
    choice: BackorderChoice
    fulfilment_id: str | None = Field(description="The fulfilment that waits; null: all of the order waits.")
    promised_to: Time | None = Field(description="When it is promised to arrive, where that is known.")
    refund_minor: Minor = Field(description="What goes back, in minor units of the currency; 0 with wait.")
    currency: CurrencyCode
    order_goes_on: bool = Field(description="The order has other parts; else cancel undoes all of it.")
