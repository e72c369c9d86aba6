"""The whole order as `GET /v1/orders/{order_no}` answers it."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from api.schemas.after_sales.return_views import OrderReturn
from api.schemas.answers import CurrencyCode, Minor, Time
from api.schemas.fulfilments import Fulfilment
from api.schemas.orders.order_parts import (
    Address,
    Contact,
    NeedsAttention,
    OrderHold,
    PendingChange,
    Situation,
    Slot,
    WaitingFor,
)
from domain.orders.priority import Priority
from domain.orders.status import Status
from domain.payments.refunds import Origin
from domain.payments.shipment_captures import CaptureMode


class OrderLine(BaseModel):
    """A line, less what was cancelled of it. Amounts are of the whole line."""

    line_no: int
    sku: str
    name: str
    quantity: int = Field(description="Pieces that are ordered, without those that were cancelled.")
    unit_price_minor: Minor
    total_minor: int = Field(description="`quantity` times `unit_price_minor`, in minor units.")
    discount_minor: int = Field(description="The line's share of the discount, in minor units.")
    shipping_minor: int = Field(description="The line's share of the shipping charge, in minor units.")
    tax_minor: int = Field(description="The tax on the line, in minor units.")
    paid_minor: int = Field(description="What is to be paid for the line, in minor units.")
    refunded_minor: int = Field(description="What was refunded of it, in minor units.")
    refunded_quantity: int
    cancelled_quantity: int
    returned_quantity: int = Field(description="Pieces that are on a return.")


class OrderPayment(BaseModel):
    """A transaction with a payment provider. `parent_id` is the one that it captures, voids, refunds or disputes."""

    payment_id: int
    kind: Literal["authorise", "capture", "void", "refund", "dispute", "dispute_won", "refund_reversed"]
    purpose: Literal["order", "stray", "guarantee", "supplement", "terms"] = Field(
        description="What it is for: the order, a guarantee of an exchange sent in advance, the difference of a change,"
        " what is owed on payment terms; `stray` is money that is not applied to the order."
    )
    status: Literal["intent", "pending", "succeeded", "failed"]
    amount_minor: Minor
    currency: CurrencyCode
    provider: str
    provider_ref: str | None = Field(description="The provider's reference.")
    error_code: str | None
    parent_id: int | None
    fulfilment_no: int | None = Field(description="Of a capture: the fulfilment whose share it takes; null for all.")
    created_at: Time
    expires_at: Time | None = Field(description="When an authorisation ends, where its provider says so.")


class ShipmentScan(BaseModel):
    """What the carrier reported of a parcel."""

    status: str
    occurred_at: Time


class OrderShipment(BaseModel):
    """A parcel, with what its carrier reported, oldest first."""

    shipment_id: str
    status: Literal["booking", "booked", "picked_up", "in_transit", "delivered", "lost", "refused", "cancelled"]
    carrier: str
    tracking_no: str | None
    warehouse: str
    fulfilment_no: int = Field(description="The number of the fulfilment that it is for.")
    replaced: bool = Field(description="Another parcel was sent instead of this one.")
    came_back: bool = Field(description="It is at the warehouse again.")
    created_at: Time
    scans: list[ShipmentScan]


class OrderRefund(BaseModel):
    """A refund of the order."""

    refund_id: str
    refund_no: int
    origin: Origin
    return_id: str | None
    amount_minor: Minor
    currency: CurrencyCode
    status: str
    created_at: Time
    pending_since: Time | None = Field(description="Since when the provider has not decided it.")
    failed_since: Time | None = Field(description="Since when it waits for support.")


class BackorderQuestion(BaseModel):
    """Wait on, or cancel what is missing: `POST /v1/orders/{order_no}/backorder`."""

    fulfilment_no: int | None = Field(description="The fulfilment that waits; null: all of the order waits.")
    promised_from: Time = Field(description="The date that was promised before.")
    promised_to: Time = Field(description="The date that is promised now.")
    decide_by: Time = Field(description="Who has not chosen by then gets the default.")
    slips: int = Field(description="How often the date has slipped.")


class Order(BaseModel):
    """The whole order. Amounts are in minor units of `currency`. Personal fields are null once the customer's data is
    erased."""

    order_no: str
    channel: str
    external_ref: str | None = Field(description="The order's number in the shop that sent it.")
    type: str
    status: Status
    total_minor: int = Field(description="What the customer pays, in minor units.")
    items_minor: int = Field(description="The sum of the lines before the discount, in minor units.")
    discount_minor: Minor
    shipping_minor: Minor
    tax_minor: Minor
    currency: CurrencyCode
    customer: Contact
    ship_to: Address | None
    note: str | None
    delivery_slot: Slot | None
    backorder: bool = Field(description="Whether the order waits for stock that is short.")
    ship_complete: bool = Field(
        description="False: what is there ships, and the rest is a fulfilment that is `planned` until it is there."
    )
    lines: list[OrderLine]
    payments: list[OrderPayment]
    capture: CaptureMode = Field(
        description="When the payment is captured: `order`, all of it before the order ships; `shipment`, of each"
        " fulfilment its share when that ships."
    )
    shipments: list[OrderShipment]
    fulfilments: list[Fulfilment] = Field(
        description="The parts in which the order ships; empty until stock is reserved."
    )
    backorder_choice: BackorderQuestion | None = Field(
        description="The promised date of what waits for stock has slipped, and the customer has not chosen yet."
    )
    refunds: list[OrderRefund]
    returns: list[OrderReturn]
    purchase_order: str | None = Field(description="The customer's own number of an order on payment terms.")
    terms_days: int | None = Field(description="Of an order on payment terms: in how many days it is paid.")
    due_at: Time | None = Field(description="Until when; null until its stock is reserved.")
    owed_minor: int | None = Field(description="What is owed of it, in minor units.")
    exchange_of: str | None = Field(description="Of an exchange order: the order whose goods are exchanged.")
    exchange_return: str | None = Field(description="Of an exchange order: the return that brings those goods.")
    pending_change: PendingChange | None
    needs_attention: NeedsAttention | None
    created_at: Time
    updated_at: Time
    allowed_actions: list[str] = Field(
        description="What this caller may ask of the order now: cancel, pay, refund, return, change_address,"
        " change_lines, change_note, change_delivery_slot, reship, refund_lost, wait_for_stock, cancel_backorder."
    )
    situation: Situation
    waiting_for: WaitingFor | None
    priority: Priority
    warehouse: str | None = Field(description="Which one ships, or the first of several; null until then.")
    holds: list[OrderHold] | None = Field(default=None, description="For staff alone.")
    cancelling: str | None = Field(description="While the order is being cancelled: the cause.")
    workflow_id: str = Field(description="The order's workflow in Temporal.")
    tags: list[str] | None = Field(default=None, description="For staff alone.")
    assignee: str | None = Field(default=None, description="Who looks after the order. For staff alone.")
    temporal_ui_url: str | None = Field(default=None, description="For staff alone, where Temporal UI is configured.")


class TimelineEvent(BaseModel):
    """One entry of the timeline. `data` depends on `type`; nothing of it is personal."""

    seq: int = Field(description="1 and up, without gaps.")
    type: str
    from_status: Status | None
    to_status: Status | None
    data: dict[str, Any]
    actor: str = Field(description="Who caused it: `role:subject`, or `system`.")
    occurred_at: Time


class OrderTimeline(BaseModel):
    """A page of the timeline, oldest first."""

    items: list[TimelineEvent]
    next_cursor: str | None
