"""What the whole of an order has, by name, as services, presenters and pages read it. Times are RFC 3339 in UTC."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

from domain.json_types import JsonObject
from domain.orders.holds import HoldKind
from domain.orders.status import Status
from domain.orders.waiting import Waiting
from domain.payments.attempts import AttemptState
from domain.payments.refunds import Origin, RefundStatus
from domain.payments.shipment_captures import CaptureMode
from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus
from domain.shipping.shipments import ShipmentStatus
from domain.situations.facts import SituationFacts
from infra.db.after_sales.return_fields import ReturnFields
from infra.db.shipping.fulfilments import FulfilmentFields


class OrderCustomer(TypedDict):
    """Whose the order is; all but the id is None where the customer is erased."""

    id: str
    name: str | None
    email: str | None
    phone: str | None


class LineFields(TypedDict):
    """A line of an order, and what of it was paid, refunded, cancelled and returned."""

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    total_minor: int
    discount_minor: int
    shipping_minor: int
    tax_minor: int
    paid_minor: int
    refunded_minor: int
    refunded_quantity: int
    cancelled_quantity: int
    returned_quantity: int


class PaymentFields(TypedDict):
    """A payment transaction of an order."""

    payment_id: int
    kind: PaymentKind
    purpose: PaymentPurpose
    status: PaymentStatus
    amount_minor: int
    currency: str
    provider: str
    provider_ref: str | None
    error_code: str | None
    parent_id: int | None
    fulfilment_no: int | None
    created_at: str
    expires_at: str | None


class ScanFields(TypedDict):
    """What a carrier reported of a parcel."""

    status: str
    occurred_at: str


class ShipmentFields(TypedDict):
    """A parcel of an order."""

    shipment_id: str
    status: ShipmentStatus
    carrier: str
    tracking_no: str | None
    warehouse: str
    fulfilment_no: int
    replaced: bool
    came_back: bool
    created_at: str
    scans: list[ScanFields]


class BackorderChoiceFields(TypedDict):
    """The promised date of what it waits for has slipped `slips` times; its customer chooses until `decide_by`."""

    fulfilment_no: int | None
    promised_from: str
    promised_to: str
    decide_by: str
    slips: int


class RefundFields(TypedDict):
    """A refund of an order."""

    refund_id: str
    refund_no: int
    origin: Origin
    return_id: str | None
    amount_minor: int
    currency: str
    status: RefundStatus
    created_at: str
    pending_since: str | None
    failed_since: str | None


class HoldFields(TypedDict):
    """A hold of an order, open or closed."""

    hold_no: int
    kind: HoldKind
    stops: Sequence[str]
    owner: str
    default_outcome: str
    put_on_by: str
    put_on_at: str
    until: str
    escalated_at: str | None
    closed_at: str | None
    closed_by: str | None
    outcome: str | None


class RefusedResolution(TypedDict):
    """The last resolution of a parked step that was refused."""

    action: str
    code: str
    at: str


class AttentionFields(TypedDict):
    """The parked step of an order."""

    park_no: int
    step: str
    subject: str | None
    error: str
    since: str
    attempts: int
    options: list[str]
    refused: RefusedResolution | None


class ChangedUnits(TypedDict):
    """Units of a SKU that are added, or (negative) taken off."""

    sku: str
    quantity: int


class PendingChange(TypedDict):
    """A change that waits for its payment."""

    what: list[str]
    to_pay_minor: int
    total_after_minor: int
    stock: list[ChangedUnits]
    until: str


class OrderFields(TypedDict):
    """The whole of an order. Personal fields are None where the customer is erased."""

    order_no: str
    channel: str
    external_ref: str | None
    type: str
    status: Status
    total_minor: int
    items_minor: int
    shipping_minor: int
    discount_minor: int
    tax_minor: int
    currency: str
    exchange_of: str | None
    exchange_return: str | None
    customer_id: str
    customer: OrderCustomer
    contact_corrected: bool
    ship_to: dict[str, str] | None
    note: str | None
    delivery_slot: dict[str, str] | None
    backorder: bool
    ship_complete: bool
    priority: int
    hold: str | None
    warehouse: str | None
    event_seq: int
    cancelling: str | None
    waiting: Waiting | None
    created_at: datetime
    updated_at: datetime
    lines: list[LineFields]
    capture: CaptureMode
    payments: list[PaymentFields]
    attempt_state: AttemptState
    terms_attempt_state: AttemptState
    purchase_order: str | None
    terms_days: int | None
    due_at: str | None
    owed_minor: int | None
    shipments: list[ShipmentFields]
    fulfilments: list[FulfilmentFields]
    backorder_choice: BackorderChoiceFields | None
    refunds: list[RefundFields]
    returns: list[ReturnFields]
    holds: list[HoldFields]
    needs_attention: AttentionFields | None
    pending_change: PendingChange | None
    left_minor: int
    paying: bool
    booked: bool
    situation_facts: SituationFacts


class EventFields(TypedDict):
    """An entry of an order's timeline."""

    seq: int
    type: str
    from_status: str | None
    to_status: str | None
    data: JsonObject
    actor: str
    occurred_at: datetime
