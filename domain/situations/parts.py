"""How far the parts of a split order are, and which of them its situation is about."""

from collections.abc import Mapping
from dataclasses import dataclass

from domain.orders.status import Status
from domain.shipping.fulfilments import (
    AT_WAREHOUSE,
    LEFT,
    PLANNED_WAITS,
    UNBOOKED,
    FulfilmentKind,
    FulfilmentStatus,
    progress_of,
)
from domain.situations.facts import SituationFacts, Waiting

# The parts that an order waits for, beside planned ones.
_AWAITED: Mapping[str, frozenset[FulfilmentStatus]] = {
    "carrier": UNBOOKED - {FulfilmentStatus.PLANNED},
    "pickup": AT_WAREHOUSE,
    "delivery": LEFT - {FulfilmentStatus.DELIVERED},
}
_THEN: Mapping[FulfilmentKind, str] = {
    FulfilmentKind.PARCEL: "missing_cancelled",
    FulfilmentKind.PRODUCTION: "warehouse_alerted",
    FulfilmentKind.CODES: "codes_sent",
    FulfilmentKind.SERVICE: "performed",
}
_ON_THEIR_WAY = (Status.PAID, Status.PREPARING, Status.SHIPPED)


@dataclass(frozen=True, slots=True)
class PartsOfSituation:
    """`shipped` of `total` parts have left; `about` are the numbers of those that the sentence is about, empty where it
    is about all."""

    shipped: int
    total: int
    about: tuple[int, ...]


def parts_of(facts: SituationFacts, code: str) -> PartsOfSituation | None:
    """What the situation `code` says of the parts; None where they say nothing: of an order with one part, of one that
    is not on its way or is being cancelled, and before any has left where all are alike."""
    progress = progress_of([part.status for part in facts.parts])
    if progress.total < 2 or facts.status not in _ON_THEIR_WAY or facts.cancelling is not None:
        return None
    about = _about(facts, code)
    return PartsOfSituation(progress.shipped, progress.total, about) if progress.shipped or about else None


def planned_wait(facts: SituationFacts) -> Waiting | None:
    """What a paid order waits for whose parts are all planned: no carrier is booked for them yet. None for others."""
    if facts.waiting is not None and facts.waiting.what != "carrier":
        return None
    over = (FulfilmentStatus.DELIVERED, FulfilmentStatus.CANCELLED)
    standing = [part for part in facts.parts if part.status not in over]
    planned = all(part.status is FulfilmentStatus.PLANNED for part in standing)
    if not standing or not planned or facts.status not in (Status.PAID, Status.PREPARING):
        return None
    kind = next(kind for kind in PLANNED_WAITS if any(part.kind is kind for part in standing))
    due = min((part.due for part in standing if part.kind is kind and part.due), default="")
    return Waiting(PLANNED_WAITS[kind], due, _THEN[kind] if due else "")


def _about(facts: SituationFacts, code: str) -> tuple[int, ...]:
    if facts.parked is not None:
        return (facts.parked.part,) if facts.parked.part else ()
    awaited = _AWAITED.get(code, frozenset())
    found = tuple(
        part.number
        for part in facts.parts
        if part.status in awaited or (part.status is FulfilmentStatus.PLANNED and PLANNED_WAITS[part.kind] == code)
    )
    standing = sum(part.status is not FulfilmentStatus.CANCELLED for part in facts.parts)
    return found if len(found) < standing else ()
