"""Freight: bodies and answers."""

from pydantic import BaseModel, Field

from api.schemas.answers import CurrencyCode, Minor, NextCursor, Time
from api.schemas.fields import Body, Currency, Identity, Reference
from domain.shipping.freight import BillState, DifferenceAction, DifferenceKind, DifferenceState


class BillFields(Body):
    """What a bill is: the carrier's name as parcels have it, the carrier's number of the bill, and the currency of
    amounts that name none."""

    carrier: Identity
    bill_no: Identity
    currency: Currency


class DifferenceOwner(Body):
    """Who settles it: the name of a member of staff."""

    owner: Identity


class DecideDifference(Body):
    """What is decided, and why. `credit` ends a dispute: the carrier gave in."""

    action: DifferenceAction = Field(strict=False)
    reason: Reference


class CarrierBill(BaseModel):
    """A bill of a carrier."""

    bill_id: str
    carrier: str
    bill_no: str
    currency: CurrencyCode
    file_name: str
    encoding: str = Field(description="In which the file was read: utf-8-sig, utf-16 or gb18030.")
    state: BillState
    total: int = Field(description="Rows of the file, without its header.")
    compared: int = Field(description="Rows that were compared so far.")
    created_by: str
    created_at: Time
    finished_at: Time | None


class DifferenceCount(BaseModel):
    """Differences of a kind in a state."""

    kind: DifferenceKind
    state: DifferenceState
    number: int
    difference_minor: Minor = Field(description="What was billed more than was booked.")


class ShownCarrierBill(CarrierBill):
    """A bill with its differences by kind."""

    billed_minor: Minor = Field(description="The sum of its lines in its currency.")
    differences: list[DifferenceCount]


class CarrierBills(BaseModel):
    """Bills, the newest first."""

    items: list[CarrierBill]
    next_cursor: NextCursor


class FreightDifference(BaseModel):
    """A line of a bill that is not what was booked."""

    difference_id: int
    bill_id: str
    line: int = Field(description="In the file, on which the row ends.")
    kind: DifferenceKind
    state: DifferenceState
    tracking_no: str
    order_no: str | None
    fulfilment_no: int | None
    shipment_id: str | None
    booked_minor: int | None
    booked_currency: str | None
    billed_minor: int | None = Field(description="Null where it cannot be read.")
    currency: CurrencyCode
    owner: str | None
    reason: str | None
    decided_by: str | None
    decided_at: Time | None


class FreightDifferences(BaseModel):
    """Differences, the oldest first."""

    items: list[FreightDifference]
    next_cursor: NextCursor


class FreightAmount(BaseModel):
    """An amount."""

    amount_minor: Minor
    currency: CurrencyCode


class ParcelFreight(BaseModel):
    """What is known of a parcel's freight."""

    shipment_id: str | None = Field(description="Null: the fulfilment has no parcel yet.")
    fulfilment_no: int | None
    carrier: str
    tracking_no: str | None
    status: str
    estimated: FreightAmount | None = Field(description="At sourcing, by the rates of the profile in force.")
    booked: FreightAmount | None = Field(description="What the carrier said when it was booked.")
    billed: list[FreightAmount] = Field(description="What the carrier billed, less what it credited; by currency.")
    differences: list[FreightDifference]


class OrderFreight(BaseModel):
    """The freight of an order, parcel by parcel."""

    items: list[ParcelFreight]
