"""Bodies of the calls on returns."""

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.fields import Body, Code, Name, Reason, Reference, Sku, Units
from api.schemas.order_lines import OfLine, PiecesOfSku
from api.schemas.orders.orders import Payment
from domain.after_sales.returns import Reason as ReasonCode
from domain.after_sales.returns import Resolution

MAX_LINES = 500
# `lost` comes from the carrier alone.
ReportedCondition = Literal["as_new", "damaged", "missing", "wrong_item"]


class ReturnLine(OfLine):
    """Pieces that go back."""


class AskReturn(Body):
    """What goes back and why, in the customer's words (kept encrypted); `photographs` are references, not pictures.

    `exchange_lines` say what is wanted instead, with the resolution exchange; without them, the same again. With
    `advance` the new goods go out first, against a guarantee that is authorised on `payment`.
    """

    lines: Annotated[list[ReturnLine], Field(min_length=1, max_length=MAX_LINES)]
    reason: Reason
    reason_code: Annotated[ReasonCode, Field(strict=False)] = ReasonCode.OTHER
    resolution: Annotated[Resolution, Field(strict=False)] = Resolution.REFUND
    exchange_lines: Annotated[list[PiecesOfSku] | None, Field(min_length=1, max_length=MAX_LINES)] = None
    advance: bool = False
    payment: Payment | None = None
    photographs: Annotated[list[Name], Field(max_length=10, default_factory=list)]


class FoundLine(OfLine):
    """Pieces that were found in a condition."""

    condition: ReportedCondition


class FoundPieces(Body):
    """What was found; pieces that nobody names did not arrive."""

    lines: Annotated[list[FoundLine], Field(min_length=1, max_length=MAX_LINES)]


class InspectedPieces(FoundPieces):
    """What was found when the pieces were inspected. With `location`, those that can be sold are put there."""

    location: Code | None = None


class RejectReturn(Body):
    """Why not, in words for the customer; kept encrypted."""

    reason: Reason


class SentReturn(Body):
    """The carrier that the customer chose."""

    carrier: Code
    tracking_no: Reference


class OutOfQuarantine(Body):
    """What becomes of pieces in quarantine: back on sale, or scrapped."""

    sku: Sku
    quantity: Units
    disposition: Literal["restock", "scrap"]
    reason: Reference
    warehouse: Code | None = None
