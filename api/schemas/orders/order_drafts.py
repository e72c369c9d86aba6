"""Bodies and answers of the calls on drafts of orders. What a draft holds need not be complete, nor right yet."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from api.schemas.fields import (
    LINE,
    Body,
    Identity,
    InPath,
    Moment,
    Note,
    OptionalPhone,
    OptionalReference,
    PriceMinor,
    Quantity,
    Sku,
    Visible,
)
from api.schemas.orders.orders import PlacedOrder
from domain.orders.priority import Priority

# As `delivery_slot` of an order: from and to, RFC 3339 with offset. The rules of slots hold when it is placed.
DraftSlot = Annotated[dict[Literal["from", "to"], Moment], Field(min_length=2)]
DraftText = Annotated[str, StringConstraints(strict=True, max_length=254, pattern=LINE), Visible]
# In paths.
DraftId = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
MAX_LINES = 500


class DraftCustomer(Body):
    """Who orders; without `id` a new customer."""

    id: Annotated[Identity, InPath] | None = None
    name: DraftText = ""
    email: DraftText = ""
    phone: OptionalPhone = ""
    language: Literal["en", "zh"] | None = None


class DraftAddress(Body):
    """Where the parcel goes; without a name or a telephone number the customer's."""

    name: DraftText = ""
    phone: OptionalPhone = ""
    country: DraftText = ""
    province: DraftText = ""
    city: DraftText = ""
    district: DraftText = ""
    line1: DraftText = ""
    postcode: DraftText = ""


class DraftLine(Body):
    """One line. The catalogue decides the price."""

    sku: Sku
    quantity: Quantity


class DraftOrder(Body):
    """What is known of the order so far."""

    channel: DraftText = ""
    currency: DraftText = ""
    customer: DraftCustomer = Field(default_factory=DraftCustomer)
    ship_to: DraftAddress = Field(default_factory=DraftAddress)
    lines: Annotated[list[DraftLine], Field(max_length=MAX_LINES)] = Field(default_factory=list)
    note: Note = ""
    external_ref: OptionalReference = ""
    delivery_slot: DraftSlot | None = None
    backorder: bool = False
    ship_complete: bool = True
    priority: Annotated[Priority, Field(strict=False)] = Priority.STANDARD


class ChangeDraft(Body):
    """The parts that are replaced; the others stay as they are. `delivery_slot: null` takes the slot away."""

    channel: DraftText | None = None
    currency: DraftText | None = None
    customer: DraftCustomer | None = None
    ship_to: DraftAddress | None = None
    lines: Annotated[list[DraftLine], Field(max_length=MAX_LINES)] | None = None
    note: Note | None = None
    external_ref: OptionalReference | None = None
    delivery_slot: DraftSlot | None = None
    backorder: bool | None = None
    ship_complete: bool | None = None
    priority: Annotated[Priority, Field(strict=False)] | None = None


class PlaceDraft(Body):
    """`total_minor` is what was shown: another total places nothing (409 `draft_total_changed`)."""

    total_minor: PriceMinor | None = None


class QuotedLine(BaseModel):
    """A line with its price now. `available` is the most that one warehouse can send; `problem` a code, or null."""

    line_no: int
    sku: str
    name: str | None
    quantity: int
    unit_price_minor: Minor | None
    total_minor: Minor | None
    available: int
    currency: CurrencyCode | None
    problem: Literal["unknown_sku", "product_inactive", "currency_mismatch", "stock_short"] | None


class OrderQuote(BaseModel):
    """What the order would cost if it were placed now; null where a line has no price."""

    currency: CurrencyCode | None
    lines: list[QuotedLine]
    items_minor: Minor | None
    discount_minor: Minor | None
    shipping_minor: Minor | None
    tax_minor: Minor | None
    total_minor: Minor | None
    in_stock: bool = Field(description="One warehouse can send all of it.")


class DraftProblem(BaseModel):
    """What is missing or wrong before the order can be placed."""

    field: str
    code: str


class OrderDraftView(BaseModel):
    """A draft with what it would cost. `order_no` is set once it is placed, and `content` empty then."""

    draft_id: str
    version: int
    order_no: str | None
    content: DraftOrder | None
    quote: OrderQuote | None
    problems: list[DraftProblem]
    created_at: Time
    updated_at: Time
    expires_at: Time


class DraftSaved(BaseModel):
    """The answer to a saved draft: its version is the ETag for the next change."""

    draft_id: str
    version: int


class DraftRow(BaseModel):
    """A draft of a list."""

    draft_id: str
    version: int
    customer_name: str | None
    lines: int
    created_at: Time
    updated_at: Time
    expires_at: Time


class DraftList(BaseModel):
    """A page of the caller's drafts, the last changed first."""

    items: list[DraftRow]
    next_cursor: NextCursor


class PlacedDraft(PlacedOrder):
    """The order that the draft became. The customer pays at `payment_url`."""

    draft_id: str
    payment_url: str
