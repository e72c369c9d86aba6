"""When goods arrive that are ordered now: by the decision that would ship them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from domain.sourcing.decision import SourcingDecision
from domain.sourcing.places import Destination, Warehouse, distance_class
from domain.sourcing.profile import Profile, Rates
from domain.sourcing.request import SourcingRequest


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """What one warehouse would send, when it leaves and when it arrives at the latest."""

    warehouse: str
    quantity: int
    ships_by: datetime
    arrives_from: datetime
    arrives_by: datetime


@dataclass(frozen=True, slots=True)
class Promise:
    """`available`: all of it can be sent. Without it there is no date, and `plan` has what can be sent."""

    available: bool
    promised_from: datetime | None
    promised_to: datetime | None
    plan: tuple[PlannedPart, ...]


def next_cut_off(now: datetime, cut_off: time, zone: str) -> datetime:
    """The next moment at which the parcels of a day leave: today's cut-off, after it tomorrow's; in UTC."""
    local = now.astimezone(ZoneInfo(zone))
    today = local.replace(hour=cut_off.hour, minute=cut_off.minute, second=cut_off.second, microsecond=0)
    return (today if local < today else today + timedelta(days=1)).astimezone(UTC)


def is_same_day(now: datetime, then: datetime, zone: str) -> bool:
    """True where both are on one day of the zone."""
    return now.astimezone(ZoneInfo(zone)).date() == then.astimezone(ZoneInfo(zone)).date()


def arrives_by(place: Warehouse, to: Destination, rates: Rates) -> datetime | None:
    """When a parcel of its next cut-off arrives at the latest; None where the warehouse has no cut-off."""
    if place.ships_by is None:
        return None
    return place.ships_by + timedelta(days=rates[distance_class(place, to)].transit_to_days)


def promised(request: SourcingRequest, decision: SourcingDecision, profile: Profile, now: datetime) -> Promise:
    """The dates of the decision: an order arrives when its last part does."""
    places = {one.code: one for one in request.network.warehouses}
    plan = [_part(places[share.warehouse], share.lines, request, profile, now) for share in decision.shares]
    whole = bool(plan) and not decision.unallocated
    return Promise(
        whole,
        max(part.arrives_from for part in plan) if whole else None,
        max(part.arrives_by for part in plan) if whole else None,
        tuple(plan),
    )


def _part(
    place: Warehouse,
    lines: Sequence[tuple[int, str, int]],
    request: SourcingRequest,
    profile: Profile,
    now: datetime,
) -> PlannedPart:
    rate = profile.rates[distance_class(place, request.destination)]
    ships_by = place.ships_by or now
    units = sum(quantity for _, _, quantity in lines)
    earliest, latest = (ships_by + timedelta(days=days) for days in (rate.transit_from_days, rate.transit_to_days))
    return PlannedPart(place.code, units, ships_by, earliest, latest)
