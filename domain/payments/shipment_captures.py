"""Payments that are captured as the order ships: what is captured with which fulfilment, and what is still to be.

A fulfilment is captured when its parcel has left. Its share is what its units are worth of the frozen shares of their
lines: goods less discount with added tax, and the line's part of the shipping charge. Units of a line are worth what
they are in a refund (domain.pricing.allocation), so the shares of all units add up to the order's total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.payments.transactions import PaymentKind, PaymentPurpose, PaymentStatus, TransactionFacts
from domain.pricing.allocation import Frozen


class CaptureMode(StrEnum):
    """When an order's payment is captured: as a whole before it ships, or with each fulfilment when that ships."""

    ORDER = "order"
    SHIPMENT = "shipment"


@dataclass(frozen=True, slots=True)
class CapturableLine:
    """A line of an order, and what was captured of it with earlier fulfilments. Minor units of all its units."""

    line_no: int
    quantity: int
    goods_minor: int
    shipping_minor: int
    captured_quantity: int = 0
    captured_goods_minor: int = 0
    captured_shipping_minor: int = 0

    @property
    def units_left(self) -> int:
        """Units that no fulfilment has captured."""
        return self.quantity - self.captured_quantity


@dataclass(frozen=True, slots=True)
class CaptureLine:
    """What is captured of a line with one fulfilment."""

    line_no: int
    quantity: int
    goods_minor: int
    shipping_minor: int

    @property
    def amount_minor(self) -> int:
        return self.goods_minor + self.shipping_minor


@dataclass(frozen=True, slots=True)
class FulfilmentCapture:
    """A fulfilment of an order that is captured by shipment. `shipped`: its parcel has left, and is neither lost nor
    refused; `cancelled`: it does not ship. `share_minor` is None until it is decided."""

    fulfilment_id: str
    number: int
    shipped: bool
    cancelled: bool
    share_minor: int | None


def share_of(lines: Sequence[CapturableLine], units: Mapping[int, int]) -> list[CaptureLine]:
    """What these units (by line number) are captured for; units that were captured before count for nothing."""
    return [_of_line(line, min(units[line.line_no], line.units_left)) for line in lines if line.line_no in units]


def _of_line(line: CapturableLine, units: int) -> CaptureLine:
    goods = Frozen(line.goods_minor, line.quantity, line.captured_quantity, line.captured_goods_minor)
    carriage = Frozen(
        line.shipping_minor, line.quantity, line.captured_quantity, line.captured_shipping_minor, up=False
    )
    return CaptureLine(line.line_no, units, goods.worth(units), carriage.worth(units))


def due(parts: Sequence[FulfilmentCapture], transactions: Sequence[TransactionFacts]) -> list[FulfilmentCapture]:
    """Those that have left and are not captured, by their numbers, and any whose provider has not answered.
    A parcel that is lost or refused waits until it is decided whether its goods are sent again."""
    return [
        part for part in parts if is_undecided(part, transactions) or (part.shipped and _is_open(part, transactions))
    ]


def is_undecided(part: FulfilmentCapture, transactions: Sequence[TransactionFacts]) -> bool:
    """True while it is not known what became of a capture of its share."""
    return any(
        t.fulfilment_no == part.number and t.status in (PaymentStatus.INTENT, PaymentStatus.PENDING)
        for t in transactions
    )


def is_awaited(parts: Sequence[FulfilmentCapture], transactions: Sequence[TransactionFacts]) -> bool:
    """True while a fulfilment may still be captured: then the authorisation is needed."""
    return any(not part.cancelled and _is_open(part, transactions) for part in parts)


def _is_open(part: FulfilmentCapture, transactions: Sequence[TransactionFacts]) -> bool:
    return part.share_minor != 0 and not any(
        (t.kind, t.purpose, t.status, t.fulfilment_no)
        == (PaymentKind.CAPTURE, PaymentPurpose.ORDER, PaymentStatus.SUCCEEDED, part.number)
        for t in transactions
    )
