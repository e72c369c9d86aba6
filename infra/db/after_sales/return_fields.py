"""What a return has, by name, as services, presenters and pages read it. Times are RFC 3339 in UTC."""

from typing import TypedDict


class ReturnRefund(TypedDict):
    """The refund of a return."""

    refund_id: str
    amount_minor: int
    currency: str
    status: str


class AlreadyRefunded(TypedDict):
    """Pieces of a return for which support gave money back besides."""

    quantity: int
    amount_minor: int
    currency: str


class GuaranteeFields(TypedDict):
    """What guarantees that the old goods come back."""

    amount_minor: int
    currency: str
    status: str
    claim_minor: int | None


class ExchangeLine(TypedDict):
    """Units that are sent for what comes back."""

    sku: str
    quantity: int
    unit_price_minor: int


class ExchangeFields(TypedDict):
    """The exchange of a return; `order_no` is the new order, None until it is placed."""

    order_no: str | None
    status: str
    advance: bool
    used_minor: int | None
    guarantee: GuaranteeFields | None
    lines: list[ExchangeLine]


class ReturnLineFields(TypedDict):
    """A line of a return, and the units of each condition."""

    line_no: int
    sku: str
    quantity: int
    received: dict[str, int]
    inspected: dict[str, int]


class ReturnFields(TypedDict):
    """A return, without the customer's words."""

    return_id: str
    return_no: int
    rma_no: str
    order_no: str
    status: str
    resolution: str
    reason_code: str
    warehouse: str
    deadline: str | None
    remind_at: str | None
    reminded_at: str | None
    default_outcome: str | None
    label: str
    carrier: str | None
    tracking_no: str | None
    parcel: str | None
    settled: str | None
    created_at: str
    updated_at: str
    refund: ReturnRefund | None
    already_refunded: AlreadyRefunded | None
    exchange: ExchangeFields | None
    lines: list[ReturnLineFields]


class WholeReturn(ReturnFields):
    """A whole return; its texts are None where the customer is erased."""

    reason: str | None
    photographs: list[str]
    answer: str | None


class ReturnSummary(ReturnFields):
    """A return, and what the caller may do with it."""

    allowed_actions: list[str]


class ReturnView(WholeReturn):
    """A whole return, and what the caller may do with it."""

    allowed_actions: list[str]
