"""Bodies of the calls on refunds, and what they answer."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time
from api.schemas.fields import Body, OrdersCurrency, Reason
from api.schemas.order_lines import OfLine
from domain.money import MAX_MINOR
from domain.payments.refunds import Origin, RefundStatus

AmountMinor = Annotated[int, Field(strict=True, ge=1, le=MAX_MINOR)]
_FOR_STAFF = "Shown to staff alone."


class RefundLine(OfLine):
    """Units of a line."""


class OpenRefund(Body):
    """What to give back: an amount, or units of lines at their worth (with `include_shipping` their share of it, too).
    `currency` may be named to be sure. Pieces that an open return holds are refused (409 `pieces_on_return`; the
    preview lists them as `on_returns`) unless `despite_returns` says that they are meant: the return brings less."""

    amount_minor: AmountMinor | None = None
    lines: Annotated[list[RefundLine], Field(max_length=1000)] | None = None
    include_shipping: bool = False
    despite_returns: bool = False
    currency: OrdersCurrency | None = None
    reason: Reason


class RefundSums(BaseModel):
    """What goes back, in minor units of the order's currency."""

    amount_minor: Minor = Field(description="All of it: goods and shipping.")
    goods_minor: Minor
    shipping_minor: Minor
    currency: CurrencyCode


class OpenedRefund(RefundSums):
    """The answer to an opened refund; above the limit it waits for an approver under `approval_id`."""

    refund_id: str
    refund_no: int = Field(description="Counts the order's refunds from 1.")
    order_no: str
    status: RefundStatus
    left_minor: Minor = Field(description="What can still be refunded of the order after it.")
    approval_id: str | None


class RefundedLine(BaseModel):
    """What goes back of one line, in minor units of the order's currency."""

    line_no: int
    sku: str
    quantity: int = Field(description="Units that are refunded; 0 where an amount is taken from the line.")
    amount_minor: Minor = Field(description="With `shipping_minor`.")
    shipping_minor: Minor


class PiecesOnReturn(BaseModel):
    """Pieces that an open return holds and this refund would give as well."""

    return_id: str
    return_no: int
    line_no: int
    sku: str
    quantity: int


class RefundConsequence(RefundSums):
    """What the refund would give back."""

    left_minor: Minor = Field(description="What could still be refunded of the order after it.")
    needs_approval: bool
    given_minor: Minor = Field(description="What was given back of the order before it.")
    on_returns: list[PiecesOnReturn]
    lines: list[RefundedLine]


class RefundPreview(BaseModel):
    """The answer with `preview=true`: nothing has changed."""

    order_no: str
    consequence: RefundConsequence


class RefundPart(BaseModel):
    """What goes back to one payment."""

    payment_id: int
    amount_minor: Minor
    provider: str


class Refund(RefundSums):
    """A refund, and how far it has come."""

    refund_id: str
    refund_no: int = Field(description="Counts the order's refunds from 1.")
    order_no: str
    origin: Origin
    return_id: str | None
    status: RefundStatus
    created_at: Time
    updated_at: Time
    lines: list[RefundedLine] | None
    pending_since: Time | None = Field(description="Since when the provider has it without deciding.")
    failed_since: Time | None = Field(description="Since when it waits for support because paying it failed.")
    asked_by: str | None = Field(default=None, description=_FOR_STAFF)
    reason: str | None = Field(default=None, description=f"{_FOR_STAFF} Null once the customer's data is erased.")
    approval_id: str | None = Field(default=None, description=_FOR_STAFF)
    parts: list[RefundPart] | None = Field(default=None, description=_FOR_STAFF)


class RefundList(BaseModel):
    """The order's refunds, oldest first."""

    items: list[Refund]
    next_cursor: None = Field(description="Always null: the list has one page.")
