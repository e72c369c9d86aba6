"""Where the console carries out the actions that a situation suggests, and for whom."""

from dataclasses import dataclass

from domain.access import Role
from domain.orders.holds import PUT_ON_BY


@dataclass(frozen=True, slots=True)
class Place:
    """`at` is a path with a place for the order number."""

    at: str
    roles: tuple[Role, ...] = (Role.SUPPORT,)


_STEP, _ACTIVITY = Place("/console/stuck/{}"), Place("/console/orders/{}/running")
_PARCEL = Place("/console/orders/{}/parcel")
PLACES = {
    **{action: Place(f"{_STEP.at}#{action}") for action in ("retry", "skip", "amend", "compensate")},
    **dict.fromkeys(("retry_now", "pause", "unpause", "reset"), _ACTIVITY),
    **dict.fromkeys(("reship", "refund_lost"), _PARCEL),
    "release_hold": Place("/console/orders/{}/hold", PUT_ON_BY),
    "cancel": Place("/console/orders/{}/cancel"),
}
