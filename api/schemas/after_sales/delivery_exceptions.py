"""Bodies of the calls on parcels that did not arrive, and what they answer."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor
from api.schemas.fields import Body, Reason
from api.schemas.order_lines import PiecesOfSku
from api.schemas.orders.order_parts import SkuQuantity


class AnswerProblem(Body):
    """What is to become of it: the goods once more, or the money back; and why, which is kept encrypted."""

    choice: Literal["reship", "refund"]
    reason: Reason | None = None


class ProblemAnswered(BaseModel):
    """What was decided, or with `preview=true` would be."""

    order_no: str
    choice: Literal["reship", "refund"]
    shipment_id: str
    parcel: Literal["lost", "refused"]
    refund_minor: Minor = Field(description="What goes back, in minor units of the currency; 0 with reship.")
    currency: CurrencyCode
    warehouse: str | None = Field(description="Which one sends the goods again; null with refund.")
    lines: list[SkuQuantity] = Field(description="What is sent again, without what was refunded meanwhile.")
    order_goes_on: bool = Field(
        description="The order has other parts: refund gives back what is in this parcel, and the order is not undone."
    )


class CameBack(Body):
    """What arrived; without lines, all that was in the parcel."""

    lines: list[PiecesOfSku] | None = Field(default=None, min_length=1)


class InQuarantine(BaseModel):
    """What was taken into quarantine, and where."""

    shipment_id: str
    warehouse: str
    lines: list[SkuQuantity]
