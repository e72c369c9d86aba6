"""What happens to which order: decided by the seed alone, so that a run can be repeated."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.orders.status import Status


class Scenario(StrEnum):
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
    SPLIT = "split"
    BACKORDERED = "backordered"
    PICKED_SHORT = "picked_short"
    ON_TERMS = "on_terms"


@dataclass(frozen=True, slots=True)
class ScenarioSpec:
    """The scenario in words, and the right end: a status and, of a cancelled order, the cause. `parts` is from how many
    warehouses the goods leave at least."""

    description: str
    status: Status
    cause: str | None = None
    parts: int = 0

    @property
    def end(self) -> str:
        return f"{self.status}: {self.cause}" if self.cause else str(self.status)


_EXPIRED, _COMPENSATED, _REQUESTED = "payment_expired", "compensated", "customer_request"

SPECS: Mapping[Scenario, ScenarioSpec] = {
    Scenario.PLAIN: ScenarioSpec("pays, receives, keeps", Status.COMPLETED),
    Scenario.DECLINED: ScenarioSpec("card declined, never pays again", Status.CANCELLED, _EXPIRED),
    Scenario.PAID_AGAIN: ScenarioSpec("card declined, pays with another", Status.COMPLETED),
    Scenario.PENDING: ScenarioSpec("payment decided later, by webhook", Status.COMPLETED),
    Scenario.UNPAID: ScenarioSpec("never pays", Status.CANCELLED, _EXPIRED),
    Scenario.REVIEWED: ScenarioSpec("payment under review, support approves", Status.COMPLETED),
    Scenario.CAPTURE_UNHEARD: ScenarioSpec("money taken, the gateway's answer lost", Status.COMPLETED),
    Scenario.CARRIER_DOWN: ScenarioSpec("carrier out of order, parked, support retries", Status.COMPLETED),
    Scenario.CARRIER_REFUSED: ScenarioSpec("carrier refuses the address, parked, support amends it", Status.COMPLETED),
    Scenario.CARRIER_LOST: ScenarioSpec(
        "carrier refuses for good, support compensates", Status.CANCELLED, _COMPENSATED
    ),
    Scenario.PARCEL_LOST: ScenarioSpec("parcel lost on the way, support compensates", Status.CANCELLED, _COMPENSATED),
    Scenario.CANCELLED_UNPAID: ScenarioSpec("cancelled before paying", Status.CANCELLED, _REQUESTED),
    Scenario.CANCELLED_PAID: ScenarioSpec("cancelled after paying, before shipping", Status.CANCELLED, _REQUESTED),
    Scenario.OUT_OF_STOCK: ScenarioSpec("one article short", Status.CANCELLED, "out_of_stock"),
    Scenario.PARTLY_REFUNDED: ScenarioSpec("keeps it, gets half of the money back", Status.COMPLETED),
    Scenario.RETURNED: ScenarioSpec("sends everything back, unused", Status.COMPLETED),
    Scenario.RETURNED_DAMAGED: ScenarioSpec("sends one piece back, damaged", Status.COMPLETED),
    Scenario.EXCHANGED: ScenarioSpec("exchanges one piece for another of its kind", Status.COMPLETED),
    Scenario.RESHIPPED: ScenarioSpec("parcel lost on the way, wants it sent again", Status.COMPLETED),
    Scenario.SPLIT: ScenarioSpec("no warehouse has all of it, shipped by two", Status.COMPLETED, parts=2),
    Scenario.BACKORDERED: ScenarioSpec("waits for one article, shipped when a receipt brings it", Status.COMPLETED),
    Scenario.PICKED_SHORT: ScenarioSpec(
        "one piece is not found, another warehouse sends it", Status.COMPLETED, parts=2
    ),
    Scenario.ON_TERMS: ScenarioSpec("a company on payment terms, pays after the delivery", Status.COMPLETED),
}

# The first orders show every scenario; later ones are mostly plain.
FIRST, LATER = 24, 50


def scenario_of(number: int, seed: int) -> Scenario:
    """The scenario of the order with this number, counted from 0."""
    block, place = (0, number) if number < FIRST else divmod(number - FIRST, LATER)
    size = FIRST if number < FIRST else LATER
    return _deck(size, f"{seed}/{size}/{block}")[place]


def _deck(size: int, seed: str) -> list[Scenario]:
    troubled = [scenario for scenario in Scenario if scenario is not Scenario.PLAIN]
    deck = troubled + [Scenario.PLAIN] * (size - len(troubled))
    random.Random(seed).shuffle(deck)
    return deck
