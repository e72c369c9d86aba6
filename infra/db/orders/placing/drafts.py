"""An order as asked for, and as kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from domain.customers import CustomerProfile
from domain.orders.addresses import ShippingAddress
from domain.orders.delivery_slots import TimeSlot
from domain.orders.lines import RequestedLine
from domain.orders.status import Status
from domain.pricing.allocation import PricingTerms
from infra.db import idempotency

PLAIN = PricingTerms()


class OrderAnswer(TypedDict):
    """What whoever places an order is answered."""

    order_no: str
    status: Status
    total_minor: int
    currency: str
    workflow_id: str


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """A purchase order number of the customer, and after how many days they pay; None: as long as they may."""

    purchase_order: str
    terms_days: int | None


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as asked for. `answer` makes the 201 body from the order number and the total in minor units;
    `hold_s` is how long the caller waits for the order before the answer (0: not at all). A channel may name the
    order's discount and its shipping charge; `terms` are the shop's. `unpaid_units` bounds what a customer may hold
    unpaid (0: nothing is bounded). `refused` is the code with which no new order is kept now. `shown_total_minor` is
    the total that somebody agreed to: an order that costs another is not kept."""

    request: idempotency.Request
    actor: str
    channel: str
    external_ref: str | None
    type: str
    currency: str
    customer_id: str
    profile: CustomerProfile
    ship_to: ShippingAddress
    note: str | None
    backorder: bool
    payment: tuple[str, str] | None
    lines: Sequence[RequestedLine]
    may_name_price: bool
    trace: str | None
    answer: Callable[[str, int], OrderAnswer]
    hold_s: float = 0.0
    priority: int = 0
    discount_minor: int = 0
    shipping_minor: int | None = None
    terms: PricingTerms = PLAIN
    delivery_slot: TimeSlot | None = None
    slot_days_ahead: int = 0
    unpaid_units: int = 0
    refused: str = ""
    shown_total_minor: int | None = None
    ship_complete: bool = True
    on_terms: OrderTerms | None = None


@dataclass(frozen=True, slots=True)
class Placed:
    """A kept order and the body to answer with; `claim` is held while the caller waits."""

    order_no: str
    body: OrderAnswer
    claim: idempotency.Claim | None
