"""Bodies of the calls on refunds."""

from typing import Annotated

from pydantic import Field

from api.schemas.fields import Body, OrdersCurrency, Reason
from api.schemas.order_lines import OfLine
from domain.money import MAX_MINOR

AmountMinor = Annotated[int, Field(strict=True, ge=1, le=MAX_MINOR)]


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


class OpenedRefund(Body):
    """The answer to an opened refund; above the limit it waits for a second person under `approval_id`."""

    refund_id: str
    refund_no: int
    order_no: str
    amount_minor: int
    goods_minor: int
    shipping_minor: int
    currency: str
    status: str
    left_minor: int
    approval_id: str | None
