"""Credit of customers, and what is owed on payment terms: bodies and answers."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from api.schemas.fields import Body, Currency, PriceMinor, Reference, TermsDays
from domain.orders.status import Status


class SetCredit(Body):
    """How much a customer may owe in a currency, in minor units, and after how many days an order is paid at the
    latest. With 0 no further order is placed on terms."""

    limit_minor: PriceMinor
    currency: Currency
    terms_days: TermsDays


class RecordTransfer(Body):
    """A bank transfer that has arrived: the bank's reference, and the amount; without one it paid all that is owed."""

    reference: Reference
    amount_minor: Annotated[int, Field(strict=True, ge=1, le=10**15)] | None = None


class CustomerCredit(BaseModel):
    """A customer's credit in one currency. `used_minor` is more than the limit where that was lowered since."""

    customer_id: str
    currency: CurrencyCode
    limit_minor: Minor
    terms_days: int
    used_minor: Minor
    left_minor: Minor


class CustomerCredits(BaseModel):
    """The customer's credit by currency."""

    items: list[CustomerCredit]
    next_cursor: NextCursor


class Receivable(BaseModel):
    """What is owed for an order on payment terms."""

    order_no: str
    customer_id: str
    currency: CurrencyCode
    purchase_order: str = Field(description="The customer's own number of the order.")
    terms_days: int
    charged_minor: Minor
    owed_minor: Minor
    due_at: Time | None
    reminded_at: Time | None = Field(description="When the customer was reminded.")
    escalated_at: Time | None = Field(description="When finance was alerted.")
    status: Status


class Receivables(BaseModel):
    """Orders on terms that are not paid, the earliest due first."""

    items: list[Receivable]
    next_cursor: NextCursor


class TransferRecorded(BaseModel):
    """What is owed for the order after the transfer."""

    order_no: str
    owed_minor: Minor
