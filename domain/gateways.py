"""What every payment provider, carrier and message provider is to the rest of the product.

Errors carry codes only, never a provider's message: they end up in workflow histories and logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from domain.orders.delivery_slots import TimeSlot
from domain.payments.transactions import PaymentKind, PaymentStatus
from domain.shipping.shipments import ShipmentStatus

SIGNATURE_TOLERANCE_S = 300


class GatewayError(Exception):
    """`code` is stable and free of personal text; `provider` names who said it."""

    def __init__(self, code: str, provider: str) -> None:
        super().__init__(f"{provider}: {code}")
        self.code = code
        self.provider = provider


class ProviderRefused(GatewayError):
    """A final no: repeating the same call cannot succeed. Nothing was done."""


class ProviderUnavailable(GatewayError):
    """No answer, or none that counts: the call may have been carried out. Ask with `lookup`, or repeat under its key.

    Codes: "timeout", "connection", "bad_response", "http_<status>", and "circuit_open": then nothing was sent, and
    `cause` is the code of the failure that keeps the circuit open. `asked_back` says that the call only asked,
    behind an open circuit, whether the provider is back.
    """

    is_probe = False

    def __init__(self, code: str, provider: str, retry_after_s: float | None = None, cause: str = "") -> None:
        super().__init__(code, provider)
        self.retry_after_s = retry_after_s
        self.cause = cause


class BadSignature(GatewayError):
    """A notification that cannot be trusted: "signature_invalid", "signature_expired" or "payload_invalid"."""


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """`token` is the provider's own name for the means of payment; only `authorise` reads it. A capture that is not
    `final` leaves the rest authorised, where the provider captures in parts."""

    order_no: str
    amount_minor: int
    currency: str
    idempotency_key: str
    token: str = field(default="", repr=False)
    final: bool = True


@dataclass(frozen=True, slots=True)
class LostCall:
    """A call whose answer is not known: what was asked, first `age_s` ago.

    `of` is the provider's reference of the transaction that it was about ("" for an authorisation), `ref` that of its
    own transaction where the provider has named it.
    """

    kind: PaymentKind
    request: PaymentRequest
    of: str = ""
    ref: str = ""
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class GatewayResult:
    """One transaction as the provider knows it. FAILED is a final refusal (declined) with its `error_code`.

    `risk` is "review" when the provider wants the payment looked at. `provider_ref` is None when a failed one has none.
    `expires_at` is when an authorisation ends (RFC 3339); None: it has no end, or is no authorisation.
    """

    status: PaymentStatus
    provider_ref: str | None
    amount_minor: int
    error_code: str | None = None
    risk: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class PaymentNotification:
    """An event that a provider reports. `idempotency_key` is None, or unknown, if the product did not request it.

    `order_no` is empty where the provider does not know it: then `parent_ref` says what it is about. `parent_key` is
    the idempotency key of that parent, where the provider knows it. Of a dispute `outcome` is "" while it is open,
    "won" or "lost", and `error_code` its reason. `due_at` until when
    it must be answered (RFC 3339). `risk` and `expires_at` as in GatewayResult.
    """

    event_id: str
    order_no: str
    provider_ref: str
    kind: PaymentKind
    status: PaymentStatus
    amount_minor: int
    currency: str
    idempotency_key: str | None = None
    error_code: str | None = None
    parent_ref: str | None = None
    parent_key: str | None = None
    outcome: str = ""
    risk: str | None = None
    due_at: str = ""
    expires_at: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a dispute is answered with; what is not known is empty. Never shown in a representation: it is personal."""

    explanation: str = field(default="", repr=False)
    customer_communication: str = field(default="", repr=False)
    tracking_no: str = field(default="", repr=False)
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a parcel comes from or goes to. Never shown in a representation: it is personal."""

    country: str
    province: str = field(default="", repr=False)
    city: str = field(default="", repr=False)
    district: str = field(default="", repr=False)
    line1: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One box. Weight in grams."""

    weight_g: int


@dataclass(frozen=True, slots=True)
class BookingLine:
    """What is inside."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """One shipment. `reference` is printed on the label; `slot` is when the customer wants it, where a carrier's
    interface takes that."""

    order_no: str
    idempotency_key: str
    reference: str
    origin: Address
    destination: Address
    parcels: tuple[Parcel, ...]
    lines: tuple[BookingLine, ...] = ()
    slot: TimeSlot | None = None


@dataclass(frozen=True, slots=True)
class Booking:
    """A booked shipment. `label` is a whole document in `label_format` ("PDF", "ZPL"), empty when it cannot be had;
    `cost_minor` is None where the carrier does not say what it costs."""

    shipment_ref: str
    tracking_no: str
    label_format: str
    label: bytes = field(repr=False)
    cost_minor: int | None
    currency: str


@dataclass(frozen=True, slots=True)
class CancelResult:
    """True in a condition when the parcel is called back; False when the carrier has it already."""

    outcome: Literal["cancelled", "already_picked_up"]

    def __bool__(self) -> bool:
        return self.outcome == "cancelled"


@dataclass(frozen=True, slots=True)
class CarrierNotification:
    """An event that a carrier reports about a parcel. `order_no` is None when the carrier does not know it.

    `sequence` grows with each fact about the same parcel, `occurred_at` is in UTC.
    """

    event_id: str
    shipment_ref: str
    tracking_no: str
    order_no: str | None
    status: ShipmentStatus
    occurred_at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class TrackedParcel:
    """A parcel that is asked for: `phone` is the recipient's where the carrier wants to see that one knows it."""

    carrier: str
    tracking_no: str
    phone: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """One message to one person, in plain text; `subject` is empty for a text message."""

    idempotency_key: str
    channel: Literal["email", "sms"]
    template: str
    order_no: str | None
    to: str = field(repr=False)
    subject: str = field(repr=False)
    body: str = field(repr=False)


class PaymentGateway(Protocol):
    """A payment provider. The same idempotency key never moves money twice.

    Every call is over within `gateway_timeout_s`. All raise ProviderRefused and ProviderUnavailable.
    """

    @property
    def name(self) -> str: ...

    @property
    def captures_in_parts(self) -> bool:
        """True where an authorisation can be captured several times, each time a part of it: `void` then releases the
        rest. False: the one capture ends it, and what it did not take is released with it."""
        ...

    async def authorise(self, request: PaymentRequest) -> GatewayResult:
        """Reserves the amount; PENDING is decided later and reported by a notification."""
        ...

    async def capture(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """Takes the amount, at most what was authorised."""
        ...

    async def void(self, authorisation_ref: str, request: PaymentRequest) -> GatewayResult:
        """Gives up what is left of an authorisation; refused once all of it is captured. One that has expired holds
        nothing, and neither does one that its only capture has ended: that is done."""
        ...

    async def refund(self, capture_ref: str, request: PaymentRequest) -> GatewayResult:
        """Returns the amount. Whether it exceeds the capture is the caller's business to know before."""
        ...

    async def lookup(self, lost: LostCall) -> GatewayResult | None:
        """What became of a call; None when the provider surely never carried it out.

        A provider that can only be asked by repeating the call carries it out now, if it had not: under its key that
        happens once.
        """
        ...

    async def answer_dispute(self, dispute_ref: str, evidence: Evidence, idempotency_key: str) -> None:
        """Hands evidence in, for good; done where an earlier call did it.

        Refused with "dispute_closed", "dispute_overdue" (its time is over), "dispute_answered" (with something else),
        or "dispute_by_hand" where the provider has no such call.
        """
        ...

    async def accept_dispute(self, dispute_ref: str, idempotency_key: str) -> None:
        """Gives the money up: the dispute is lost, which a notification tells. Refused as `answer_dispute` is."""
        ...

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> PaymentNotification | None:
        """A verified notification; None when it says nothing about a payment. Raises BadSignature."""
        ...

    async def aclose(self) -> None: ...


class CarrierGateway(Protocol):
    """A carrier. Every call is over within `gateway_timeout_s`. All raise ProviderRefused and ProviderUnavailable."""

    @property
    def name(self) -> str: ...

    async def book(self, request: BookingRequest) -> Booking:
        """Books a shipment and returns its label. ProviderRefused("address_refused") asks for another address."""
        ...

    async def cancel(self, shipment_ref: str, idempotency_key: str) -> CancelResult:
        """Calls a parcel back; repeating it gives the same result."""
        ...

    async def lookup(self, idempotency_key: str) -> Booking | None:
        """The shipment booked under a key, or None."""
        ...

    def parse_notification(self, headers: Mapping[str, str], body: bytes) -> CarrierNotification | None:
        """A verified notification; None when it says nothing about a parcel. Raises BadSignature."""
        ...

    async def aclose(self) -> None: ...


class TrackingGateway(Protocol):
    """Who knows where parcels are and tells nobody: it is asked. Every call is over within `gateway_timeout_s`."""

    @property
    def name(self) -> str: ...

    async def track(self, parcel: TrackedParcel) -> list[CarrierNotification]:
        """The facts about the parcel so far, the oldest first; none for one that is not known. Raises ProviderRefused
        and ProviderUnavailable."""
        ...

    async def aclose(self) -> None: ...


class MessageGateway(Protocol):
    """A provider that brings messages to people. Every call is over within `longest_s`."""

    @property
    def name(self) -> str: ...

    @property
    def longest_s(self) -> float: ...

    async def send(self, message: OutgoingMessage) -> str | None:
        """Hands the message over; the provider's reference, if it gives one.

        Repeating it under the same key is one message where the provider knows keys; over SMTP the copies carry one
        Message-ID. Raises ProviderRefused (an address that cannot be, say) and ProviderUnavailable.
        """
        ...

    async def aclose(self) -> None: ...
