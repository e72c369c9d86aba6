"""What is to become of which order: decided by the seed alone, so that a run can be repeated."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.orders.status import Status


class Fate(StrEnum):
    """Who or what interferes with an order."""

    PLAIN = "plain"
    DECLINED = "declined"
    PAID_AGAIN = "paid_again"
    PENDING = "pending"
    UNPAID = "unpaid"
    REVIEWED = "reviewed"
    CAPTURE_UNHEARD = "capture_unheard"
    CARRIER_DOWN = "carrier_down"
    CARRIER_REFUSED = "carrier_refused"
    CARRIER_LOST = "carrier_lost"
    PARCEL_LOST = "parcel_lost"
    CANCELLED_UNPAID = "cancelled_unpaid"
    CANCELLED_PAID = "cancelled_paid"
    OUT_OF_STOCK = "out_of_stock"
    PARTLY_REFUNDED = "partly_refunded"
    RETURNED = "returned"
    RETURNED_DAMAGED = "returned_damaged"
    EXCHANGED = "exchanged"
    RESHIPPED = "reshipped"


@dataclass(frozen=True, slots=True)
class Plot:
    """The fate in words, and the end that is right: a status and, of a cancelled order, the cause."""

    words: str
    status: Status
    cause: str | None = None

    @property
    def end(self) -> str:
        return f"{self.status}: {self.cause}" if self.cause else str(self.status)


_EXPIRED, _COMPENSATED, _WISH = "payment_expired", "compensated", "customer_request"

PLOTS: Mapping[Fate, Plot] = {
    Fate.PLAIN: Plot("pays, receives, keeps", Status.COMPLETED),
    Fate.DECLINED: Plot("card declined, never pays again", Status.CANCELLED, _EXPIRED),
    Fate.PAID_AGAIN: Plot("card declined, pays with another", Status.COMPLETED),
    Fate.PENDING: Plot("payment decided later, by webhook", Status.COMPLETED),
    Fate.UNPAID: Plot("never pays", Status.CANCELLED, _EXPIRED),
    Fate.REVIEWED: Plot("payment under review, support approves", Status.COMPLETED),
    Fate.CAPTURE_UNHEARD: Plot("money taken, the gateway's answer lost", Status.COMPLETED),
    Fate.CARRIER_DOWN: Plot("carrier out of order, sticks, support retries", Status.COMPLETED),
    Fate.CARRIER_REFUSED: Plot("carrier refuses the address, sticks, support amends it", Status.COMPLETED),
    Fate.CARRIER_LOST: Plot("carrier refuses for good, support compensates", Status.CANCELLED, _COMPENSATED),
    Fate.PARCEL_LOST: Plot("parcel lost on the way, support compensates", Status.CANCELLED, _COMPENSATED),
    Fate.CANCELLED_UNPAID: Plot("cancelled before paying", Status.CANCELLED, _WISH),
    Fate.CANCELLED_PAID: Plot("cancelled after paying, before shipping", Status.CANCELLED, _WISH),
    Fate.OUT_OF_STOCK: Plot("one article short", Status.CANCELLED, "out_of_stock"),
    Fate.PARTLY_REFUNDED: Plot("keeps it, gets half of the money back", Status.COMPLETED),
    Fate.RETURNED: Plot("sends everything back, unused", Status.COMPLETED),
    Fate.RETURNED_DAMAGED: Plot("sends one piece back, damaged", Status.COMPLETED),
    Fate.EXCHANGED: Plot("exchanges one piece for another of its kind", Status.COMPLETED),
    Fate.RESHIPPED: Plot("parcel lost on the way, wants it sent again", Status.COMPLETED),
}

# The first orders show every fate; later ones are mostly plain.
FIRST, LATER = 20, 50


def fate_of(number: int, seed: int) -> Fate:
    """The fate of the order with this number, counted from 0."""
    block, place = (0, number) if number < FIRST else divmod(number - FIRST, LATER)
    size = FIRST if number < FIRST else LATER
    return _deck(size, f"{seed}/{size}/{block}")[place]


def _deck(size: int, seed: str) -> list[Fate]:
    fates = [fate for fate in Fate if fate is not Fate.PLAIN]
    deck = fates + [Fate.PLAIN] * (size - len(fates))
    random.Random(seed).shuffle(deck)
    return deck
