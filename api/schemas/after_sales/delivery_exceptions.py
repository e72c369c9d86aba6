"""Bodies of the calls on parcels that did not arrive."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.fields import Body, Quantity, Reason, Sku


class AnswerProblem(Body):
    """What is to become of it: the goods once more, or the money back; and why, which is kept encrypted."""

    choice: Literal["reship", "refund"]
    reason: Reason | None = None


class ProblemAnswered(BaseModel):
    """What was decided, or with preview would be. `lines` are what is sent again: not what was refunded meanwhile."""

    order_no: str
    choice: Literal["reship", "refund"]
    shipment_id: str
    parcel: Literal["lost", "refused"]
    refund_minor: int
    currency: str
    warehouse: str | None
    lines: list[dict[str, str | int]] = []


class Arrived(Body):
    """Pieces that are in the parcel."""

    sku: Sku
    quantity: Quantity


class CameBack(Body):
    """What arrived; without lines, all that was in the parcel."""

    lines: list[Arrived] | None = Field(default=None, min_length=1)


class InQuarantine(BaseModel):
    """What was taken into quarantine, and where."""

    shipment_id: str
    warehouse: str
    lines: list[Arrived]
