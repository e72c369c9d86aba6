"""What a dispute is answered with, and how it is shown."""

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, Time
from api.schemas.fields import Body, Note, OptionalText
from domain.payments.disputes import DisputeAnswer


class HandIn(Body):
    """Evidence as the provider gets it; at least one of the three."""

    explanation: Note = ""
    tracking_no: OptionalText = ""
    customer_communication: Note = ""


class AnswerDispute(HandIn):
    """Evidence that is kept here; `handed_in` says that it was handed in on the provider's own pages."""

    handed_in: bool = False


class DisputeEvidence(BaseModel):
    """Evidence as it is kept; empty where nothing was written."""

    explanation: str
    tracking_no: str
    customer_communication: str


class Dispute(BaseModel):
    """An open dispute: the customer's bank took the money of a payment back."""

    dispute_id: int
    order_no: str
    provider: str
    provider_ref: str = Field(description="The provider's id of the dispute.")
    amount_minor: Minor = Field(description="What was taken back, in minor units of the currency.")
    currency: CurrencyCode
    reason: str = Field(description="The provider's code.")
    opened_at: Time
    due_at: Time | None = Field(description="Until when it must be answered; null where the provider names no day.")
    answered_at: Time | None
    answered_by: str | None
    answer: DisputeAnswer | None
    evidence: DisputeEvidence
    carrier: str | None = Field(description="Of the order's parcel; null while there is none.")
    tracking_no: str | None
    delivered_at: Time | None


class DisputeList(BaseModel):
    """The open disputes, up to 100."""

    items: list[Dispute]
    next_cursor: None = Field(description="Always null: the list has one page.")


class AnsweredDispute(BaseModel):
    """The provider has the answer. Its decision comes by notification."""

    dispute_id: int
    order_no: str
    answer: DisputeAnswer
