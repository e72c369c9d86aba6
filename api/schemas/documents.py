"""Bodies and answers of the calls on invoices and credit notes."""

from typing import Annotated, Literal

from pydantic import BaseModel, StringConstraints, model_validator

from api.schemas.answers import Time
from api.schemas.fields import LINE, Body, Visible

Title = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=100, pattern=LINE), Visible
]
Address = Annotated[
    str, StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=200, pattern=LINE), Visible
]
# A unified social credit code has 18 signs, older Chinese numbers 15 or 20, VAT numbers fewer.
TaxNumber = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, to_upper=True, pattern=r"^[0-9A-Za-z][0-9A-Za-z-]{3,29}$"),
]


class BilledTo(Body):
    """The billed party, if it is not the customer; a tax number requires a title."""

    title: Title | None = None
    tax_number: TaxNumber | None = None
    address: Address | None = None

    @model_validator(mode="after")
    def _whose(self) -> "BilledTo":
        if self.tax_number is not None and self.title is None:
            raise ValueError("a tax number needs the title that it belongs to")
        return self


class Nothing(Body):
    """A call that says all in its address."""


class IssuedDocument(BaseModel):
    """A document in lists and as the answer to asking for it.

    `supplement_to` is the order's first invoice, of a further one: over what was paid on top of it or, with
    `return_id`, over the guarantee of that exchange, which was claimed. `dispute_id` is the lost dispute whose money a
    credit note is over.
    """

    document_no: str
    kind: Literal["invoice", "credit_note"]
    order_no: str
    refund_id: str | None
    supplement_to: str | None
    return_id: str | None
    dispute_id: int | None
    total_minor: int
    tax_minor: int
    currency: str
    issued_at: Time


class MadeUp(BaseModel):
    """Documents that were missing, as they were issued now."""

    order_no: str
    items: list[IssuedDocument]


class DocumentList(BaseModel):
    """The documents of one order."""

    items: list[IssuedDocument]
    next_cursor: None = None


class DocumentLine(BaseModel):
    """`total_minor` is what was paid for the line, or given back: tax included, shipping not."""

    line_no: int
    sku: str
    name: str
    quantity: int
    unit_price_minor: int
    discount_minor: int
    tax_minor: int
    total_minor: int


class Party(BaseModel):
    """A seller or a buyer, with the fields that are known."""

    title: str | None = None
    name: str | None = None
    address: str | None = None
    tax_number: str | None = None
    contact: str | None = None


class Correction(BaseModel):
    """What a credit note takes back of one invoice."""

    document_no: str
    total_minor: int
    tax_minor: int


class WholeDocument(IssuedDocument):
    """A document with everything that stands on it. `corrects` is the first of the invoices in `corrections`.

    On an invoice that supplements another, `discount_minor` is what was paid for its goods otherwise.
    """

    corrects: str | None
    corrections: list[Correction]
    seller: Party
    billed_to: Party | None
    lines: list[DocumentLine]
    items_minor: int
    discount_minor: int
    tax_added_minor: int
    shipping_minor: int
