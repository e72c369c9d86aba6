"""Parts of an order in answers."""

from typing import Literal

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time
from domain.orders.holds import HoldKind, Outcome
from domain.orders.status import Status
from domain.situations.situation import Owner, State


class Contact(BaseModel):
    """The customer, as the order reaches them."""

    id: str
    name: str | None
    email: str | None
    phone: str | None


class Address(BaseModel):
    """Where the parcel goes; `country` is ISO 3166-1 alpha-2."""

    name: str
    phone: str
    country: str
    province: str
    city: str
    district: str
    line1: str
    postcode: str


class Slot(BaseModel):
    """When the parcel is wanted."""

    begin: Time = Field(alias="from")
    to: Time


class SkuQuantity(BaseModel):
    """Units of a SKU."""

    sku: str
    quantity: int


class WaitingFor(BaseModel):
    """What the order waits for, until when, and what comes next."""

    what: str = Field(
        description="reservation, stock, payment, hold, carrier, pickup, delivery, return_window, returns,"
        " terms_payment or cancellation."
    )
    until: Time | None
    next: str | None


class SituationAction(BaseModel):
    """An action that fits the situation, named for the case."""

    action: str = Field(
        description="As the API calls it: retry, skip, amend, give_up or compensate of the parked step, retry_now,"
        " pause, unpause, reset, release_hold, or one of `allowed_actions`."
    )
    code: str = Field(description="What it means in this case, such as approve_payment.")
    label: str
    consequence: str | None = Field(description="What it does, where the label does not say so.")


class Situation(BaseModel):
    """Where the order stands, in one sentence. What only staff can act on is left out for others."""

    state: State
    sentence: str = Field(description="State, cause, until when, and what happens then. English, times in UTC.")
    code: str = Field(description="Names the sentence.")
    owner: Owner | None = Field(description="Who acts next; null when the order is closed.")
    until: Time | None
    then: str | None = Field(description="What happens at `until`, or next.")
    actions: list[SituationAction] = Field(description="Empty in lists.")


class RefusedResolution(BaseModel):
    """An action of support that was refused when it was carried out."""

    action: str
    code: str
    at: Time


class NeedsAttention(BaseModel):
    """The step that is parked until support resolves it."""

    park_no: int = Field(description="Its number, to resolve just this one.")
    step: str
    subject: str | None = Field(description="The refund, return, change or fulfilment that it is about.")
    error: str
    since: Time
    attempts: int
    options: list[str] = Field(description="The actions that resolve it: retry, skip, amend, give_up, compensate.")
    refused: RefusedResolution | None


class PendingChange(BaseModel):
    """A change of a paid order that waits for the payment of its difference."""

    what: list[str]
    to_pay_minor: Minor
    total_after_minor: Minor
    stock: list[SkuQuantity] = Field(description="Units more, or (negative) fewer.")
    until: Time | None = Field(description="When it is undone without a payment.")


class OrderHold(BaseModel):
    """A hold on the order, open or closed."""

    hold_no: int
    kind: HoldKind
    stops: list[Status] = Field(description="In which statuses the order does not go on.")
    owner: str = Field(description="A role, or role:name.")
    default_outcome: Outcome = Field(description="What happens at `until` if nobody acts.")
    put_on_by: str
    put_on_at: Time
    until: Time
    escalated_at: Time | None
    closed_at: Time | None
    closed_by: str | None
    outcome: str | None


class OpenHold(BaseModel):
    """An open hold of a list, with its order."""

    order_no: str
    hold_no: int
    kind: HoldKind
    owner: str = Field(description="A role, or role:name.")
    default_outcome: Outcome = Field(description="What happens at `until` if nobody acts.")
    put_on_by: str
    put_on_at: Time
    until: Time
    escalated_at: Time | None
    status: Status
    channel: str
    total_minor: Minor
    currency: CurrencyCode


class OpenHolds(BaseModel):
    """A page of open holds, the nearest deadline first."""

    items: list[OpenHold]
    next_cursor: str | None


class NewOrderHold(BaseModel):
    """The hold that was put on."""

    order_no: str
    hold_no: int
    kind: HoldKind
    owner: str


class ReleasedHold(BaseModel):
    """The hold that was released."""

    order_no: str
    hold_no: int
    outcome: Literal["released"]
    kind: HoldKind


class ChangedPriority(BaseModel):
    """The priority that the order has now."""

    order_no: str
    priority: Literal["standard", "vip", "urgent"]
