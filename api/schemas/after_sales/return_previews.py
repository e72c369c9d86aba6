"""What a return would bring: the answer with `preview=true`. Amounts are in minor units of the order's currency."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.after_sales.return_views import ExchangeLine
from api.schemas.answers import CurrencyCode, Minor, Time
from domain.after_sales.returns import Condition, Resolution, ReturnDue, ReturnStatus

Why = Literal["refunded_before", "shipping_is_kept_unless_the_shop_is_at_fault"]


class PreviewedLine(BaseModel):
    """Pieces of a line that would go back."""

    line_no: int
    sku: str
    quantity: int


class PreviewedRefund(BaseModel):
    """What goes back if the pieces arrive in this condition."""

    amount_minor: Minor
    goods_minor: Minor
    shipping_minor: Minor
    currency: CurrencyCode
    condition: Condition = Field(alias="if")


class KeptAmount(BaseModel):
    """What of the pieces' worth does not come back, and why."""

    what: Literal["goods", "shipping"]
    amount_minor: Minor
    why: Why


class PreviewedExchange(BaseModel):
    """What the new goods cost against the old ones."""

    lines: list[ExchangeLine]
    value_minor: Minor = Field(description="What the old goods are worth as new.")
    to_pay_minor: Minor = Field(description="What the new goods cost beyond it.")
    to_refund_minor: Minor = Field(description="What of it goes back.")
    guarantee_minor: Minor = Field(description="What is authorised until the old goods arrive; 0 without `advance`.")
    currency: CurrencyCode


class ReturnConsequence(BaseModel):
    """What comes back, what is kept and why, and until when to act."""

    resolution: Resolution
    status: ReturnStatus = Field(description="The one that the return would begin with.")
    lines: list[PreviewedLine]
    refund: PreviewedRefund
    kept: list[KeptAmount]
    send_within_s: int = Field(description="Seconds from the approval until it must be sent.")
    answer_within_s: int | None = Field(description="Seconds until it is approved without an answer; null: at once.")
    window_until: Time | None = Field(description="Until when returns of the order may be requested.")
    default_outcome: ReturnDue
    exchange: PreviewedExchange | None


class ReturnPreview(BaseModel):
    """Nothing has changed."""

    order_no: str
    consequence: ReturnConsequence
