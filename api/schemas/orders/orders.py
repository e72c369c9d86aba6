"""Bodies and answers of the calls on orders."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor
from api.schemas.fields import (
    Body,
    Code,
    Country,
    Currency,
    Email,
    Identity,
    InPath,
    Moment,
    Name,
    Note,
    OptionalPhone,
    OptionalText,
    Phone,
    PriceMinor,
    PurchaseOrderNumber,
    Quantity,
    Reason,
    Reference,
    Sku,
    TermsDays,
)
from api.schemas.orders.order_parts import SkuQuantity, WaitingFor
from domain.customers import CustomerProfile
from domain.orders.addresses import ShippingAddress
from domain.orders.delivery_slots import TimeSlot, slot_of
from domain.orders.priority import Priority
from domain.orders.status import Status


class Customer(Body):
    """Who orders; kept as the customer's profile. `language` is that of messages; without one, the last one counts."""

    id: Annotated[Identity, InPath]
    name: Name
    email: Email | None = None
    phone: Phone | None = None
    language: Literal["en", "zh"] | None = None

    @property
    def profile(self) -> CustomerProfile:
        """How the customer is named and reached."""
        return CustomerProfile(self.name, self.email, self.phone, self.language)


class ShipTo(Body):
    """Where the parcel goes; country is ISO 3166-1 alpha-2."""

    name: Name
    phone: OptionalPhone = ""
    country: Country
    province: Name
    city: Name
    district: OptionalText = ""
    line1: Name
    postcode: OptionalText = ""

    @property
    def address(self) -> ShippingAddress:
        """As the rest of the product takes it."""
        return ShippingAddress(**dict(self))


class DeliverySlot(Body):
    """When the parcel is wanted: RFC 3339 with offset, 1 to 24 hours."""

    begin: Moment = Field(alias="from")
    to: Moment

    @property
    def slot(self) -> TimeSlot:
        """Raises RuleBroken `invalid_delivery_slot`."""
        return slot_of(self.begin, self.to)


class Line(Body):
    """One line; only a channel names a price (minor units)."""

    sku: Sku
    quantity: Quantity
    unit_price_minor: PriceMinor | None = None


class Payment(Body):
    """How to pay: a provider and its token, never a card."""

    method: Code
    token: Name


class PlaceOrder(Body):
    """An order to place. Several lines of one SKU are accepted and summed. Only a channel names a discount or a
    shipping charge of the whole order. An order of type b2b is paid later, within the customer's credit: it has the
    customer's `purchase_order` number, and `terms_days` where the customer pays sooner than agreed."""

    channel: Annotated[Code, InPath]
    external_ref: Reference | None = None
    type: Literal["standard", "b2b", "virtual", "made_to_order"] = "standard"
    purchase_order: PurchaseOrderNumber | None = None
    terms_days: TermsDays | None = None
    currency: Currency
    customer: Customer
    ship_to: ShipTo
    lines: list[Line] = Field(min_length=1)
    payment: Payment | None = None
    note: Note | None = None
    delivery_slot: DeliverySlot | None = None
    backorder: bool = False
    ship_complete: bool = True
    priority: Annotated[Priority, Field(strict=False)] = Priority.STANDARD
    discount_minor: PriceMinor | None = None
    shipping_minor: PriceMinor | None = None


class CancelOrder(Body):
    """Why the order is to be cancelled, in the caller's words; kept encrypted."""

    reason: Reason


class PlacedOrder(BaseModel):
    """The answer to a placed order."""

    order_no: str
    status: Status
    total_minor: Minor
    currency: CurrencyCode
    workflow_id: str = Field(description="The order's workflow in Temporal.")


class CancelConsequence(BaseModel):
    """What cancelling would give back."""

    refund_minor: int = Field(description="Money that would be refunded, in minor units.")
    void_minor: int = Field(description="Authorised money that would be voided, in minor units.")
    currency: CurrencyCode
    stock: list[SkuQuantity] = Field(description="Units that would be released.")
    parcel: Literal["recall"] | None = Field(description="Whether a parcel would be recalled.")


class CancelPreview(BaseModel):
    """The answer with `preview=true`: what cancelling would give back."""

    order_no: str
    consequence: CancelConsequence


class CancelledOrder(BaseModel):
    """How far the cancellation has come."""

    order_no: str
    status: Status
    waiting_for: WaitingFor | None
