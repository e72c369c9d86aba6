"""Holds: why an order must not go on for now, who looks into it, until when, and what happens if nobody does."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from domain.access import Role
from domain.orders.status import Status


class HoldKind(StrEnum):
    """Why an order is held."""

    RISK = "risk"
    ADDRESS = "address"
    STOCK = "stock"
    PAYMENT = "payment"
    MANUAL = "manual"


class Outcome(StrEnum):
    """What becomes of a hold that nobody closes by its deadline: the order goes on, or it is undone."""

    RELEASE = "release"
    CANCEL = "cancel"


class HoldAction(StrEnum):
    """What is due on a hold at a time."""

    ESCALATE = "escalate"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class HoldRule:
    """What a kind of hold stops, who looks into it by default, and its default outcome.

    `stops` are the statuses in which the order takes no further step forward: in `received` no stock is reserved, in
    `pending_payment` no money is asked for, in `paid` no parcel is booked, nor a further part of an order that is
    `preparing`.
    """

    stops: tuple[Status, ...]
    owner: Role
    outcome: Outcome


_EVERYTHING = (Status.RECEIVED, Status.PENDING_PAYMENT, Status.PAID)
HOLDS: dict[HoldKind, HoldRule] = {
    HoldKind.RISK: HoldRule((Status.PENDING_PAYMENT, Status.PAID), Role.FINANCE, Outcome.CANCEL),
    HoldKind.ADDRESS: HoldRule((Status.PAID,), Role.SUPPORT, Outcome.CANCEL),
    HoldKind.STOCK: HoldRule((Status.RECEIVED, Status.PAID), Role.WAREHOUSE, Outcome.RELEASE),
    HoldKind.PAYMENT: HoldRule((Status.PENDING_PAYMENT, Status.PAID), Role.FINANCE, Outcome.CANCEL),
    HoldKind.MANUAL: HoldRule(_EVERYTHING, Role.SUPPORT, Outcome.RELEASE),
}
HOLDABLE = frozenset(_EVERYTHING)
ESCALATED_TO = Role.OPERATIONS
PUT_ON_BY = (Role.SUPPORT, Role.WAREHOUSE, Role.FINANCE, Role.OPERATIONS)


def can_be_held(status: Status, part_to_book: bool) -> bool:
    """Whether a hold of an order in this status stops anything. `part_to_book`: it ships in several parts, and one of
    them is not booked.

    Later each of its parcels exists: what stops them then is a cancellation, which recalls them.
    """
    return status in HOLDABLE or (status is Status.PREPARING and part_to_book)


def stops_now(status: Status, stops: Collection[str]) -> bool:
    """Whether a hold with these `stops` stops an order in this status: what keeps parcels from being booked keeps them
    from it in an order of which some are booked."""
    return status in stops or (status is Status.PREPARING and Status.PAID in stops)


def may_release(role: Role, owner: str) -> bool:
    """The owner's role releases, and operations, to whom every hold escalates; admin may what both may."""
    return role in (Role(owner.split(":", 1)[0]), Role.OPERATIONS, Role.ADMIN)
