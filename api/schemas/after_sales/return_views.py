"""Returns as the API shows them. Amounts are in minor units of the currency beside them."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from domain.after_sales.returns import Condition, Resolution, ReturnDue, ReturnStatus
from domain.after_sales.returns import Reason as ReasonCode
from domain.payments.refunds import RefundStatus
from domain.shipping.shipments import ShipmentStatus


class ReturnedLine(BaseModel):
    """Pieces of a line, and how many of them were found in which condition."""

    line_no: int
    sku: str
    quantity: int
    received: dict[Condition, int] = Field(description="By condition, as it arrived; empty before.")
    inspected: dict[Condition, int] = Field(description="By condition, as it was inspected; empty before.")


class ReturnRefund(BaseModel):
    """The refund that the return brought."""

    refund_id: str
    amount_minor: Minor
    currency: CurrencyCode
    status: RefundStatus


class AlreadyRefunded(BaseModel):
    """Pieces of this return for which money went back beside it: it brings that much less."""

    quantity: int
    amount_minor: Minor
    currency: CurrencyCode


class Guarantee(BaseModel):
    """The authorisation that is charged if the old goods never arrive."""

    amount_minor: Minor
    currency: CurrencyCode
    status: Literal[
        "wanted", "authorised", "declined", "dropped", "release_due", "released", "claim_due", "claimed", "given_up"
    ]
    claim_minor: Minor | None = Field(description="What of it is charged; null while nothing is.")


class ExchangeLine(BaseModel):
    """New goods and their price."""

    sku: str
    quantity: int
    unit_price_minor: Minor


class Exchange(BaseModel):
    """What is sent for what comes back."""

    order_no: str | None = Field(description="The order of the new goods; null until it is placed.")
    status: Literal["wanted", "placed", "fell_back"]
    advance: bool = Field(description="The new goods go out before the old ones arrive.")
    used_minor: Minor | None = Field(description="What of the old goods' value pays for the new ones.")
    guarantee: Guarantee | None
    lines: list[ExchangeLine]


class OrderReturn(BaseModel):
    """A return of an order, without the customer's words."""

    return_id: str
    return_no: int = Field(description="Counts the order's returns from 1.")
    rma_no: str = Field(description="Names the return among all: the order's number, -R and `return_no`.")
    order_no: str
    status: ReturnStatus
    resolution: Resolution
    reason_code: ReasonCode
    warehouse: str = Field(description="Where it is received.")
    deadline: Time | None = Field(description="When `default_outcome` happens if nobody acts.")
    remind_at: Time | None
    reminded_at: Time | None
    default_outcome: ReturnDue | None
    label: Literal["none", "wanted", "booked", "failed"]
    carrier: str | None
    tracking_no: str | None
    parcel: ShipmentStatus | None = Field(description="The carrier's newest status of it.")
    settled: str | None = Field(description="A code: what came of it, as `refund_approved`; null before.")
    created_at: Time
    updated_at: Time
    refund: ReturnRefund | None
    already_refunded: AlreadyRefunded | None
    exchange: Exchange | None
    lines: list[ReturnedLine]


class ReturnSummary(OrderReturn):
    """A return, and what the caller may do with it."""

    allowed_actions: list[Literal["approve", "reject", "cancel", "receive", "inspect"]] = Field(
        description="What the caller may do with it now."
    )


class Return(ReturnSummary):
    """A whole return; its texts are null once the customer's data is erased."""

    reason: str | None = Field(description="In the customer's words.")
    photographs: list[str] = Field(description="References, not pictures.")
    answer: str | None = Field(description="Why it was rejected.")


class ReturnPage(BaseModel):
    """A page of returns, the newest first."""

    items: list[ReturnSummary]
    next_cursor: NextCursor
