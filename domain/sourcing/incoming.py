"""What can be promised with goods that are on their way: the same decision, with what has arrived by then."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from domain.sourcing.arrivals import ExpectedUnits
from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.profile import Profile
from domain.sourcing.promise import Promise, promised
from domain.sourcing.request import Network, SourcingRequest

# So many days of arrival are looked at, the earliest first.
_DAYS = 30


def promised_later(
    request: SourcingRequest, arrivals: Sequence[ExpectedUnits], profile: Profile, now: datetime
) -> Promise | None:
    """The earliest promise for all of it, with units that arrive; None where those are too few. Units that are late
    already have no date."""
    due = sorted((one for one in arrivals if one.expected_on >= now.date()), key=lambda one: one.expected_on)
    for day in sorted({one.expected_on for one in due})[:_DAYS]:
        by_then = [one for one in due if one.expected_on <= day]
        network = Network(request.network.warehouses, _with(request.network.available, by_then))
        decision = decide(replace(request, network=network), profile)
        if decision.shares and not decision.unallocated:
            return promised(_leaving(request, decision, by_then), decision, profile, now)
    return None


def unclaimed(arrivals: Sequence[ExpectedUnits], waiting: Mapping[str, int]) -> list[ExpectedUnits]:
    """The arrivals without the units that orders wait for already: those have the earliest."""
    left, free = dict(waiting), list[ExpectedUnits]()
    for one in sorted(arrivals, key=lambda one: one.expected_on):
        taken = min(one.quantity, left.get(one.sku, 0))
        left[one.sku] = left.get(one.sku, 0) - taken
        if one.quantity > taken:
            free.append(replace(one, quantity=one.quantity - taken))
    return free


def _with(available: Mapping[tuple[str, str], int], arrivals: Sequence[ExpectedUnits]) -> dict[tuple[str, str], int]:
    units = dict(available)
    for one in arrivals:
        at = (one.warehouse, one.sku)
        units[at] = units.get(at, 0) + one.quantity
    return units


def _leaving(
    request: SourcingRequest, decision: SourcingDecision, arrivals: Sequence[ExpectedUnits]
) -> SourcingRequest:
    """The request, with warehouses that ship once their share is there: on the day after it arrived."""
    complete = {share.warehouse: _complete_on(request, share.warehouse, _units(share.lines), arrivals)
                for share in decision.shares}  # fmt: skip
    places = []
    for place in request.network.warehouses:
        day, ships_by = complete.get(place.code), place.ships_by
        if day is not None and ships_by is not None:
            ships_by += timedelta(days=max(0, (day - ships_by.date()).days + 1))
        places.append(replace(place, ships_by=ships_by))
    return replace(request, network=Network(tuple(places), request.network.available))


def _units(lines: Sequence[tuple[int, str, int]]) -> dict[str, int]:
    units: dict[str, int] = {}
    for _, sku, quantity in lines:
        units[sku] = units.get(sku, 0) + quantity
    return units


def _complete_on(
    request: SourcingRequest, code: str, wanted: Mapping[str, int], arrivals: Sequence[ExpectedUnits]
) -> date | None:
    """The day on which the warehouse has all of it above its buffer; None where that is now."""
    buffer = next(place.buffer for place in request.network.warehouses if place.code == code)
    last: date | None = None
    for sku, units in wanted.items():
        there = request.network.available.get((code, sku), 0) - buffer
        for one in arrivals:
            if there >= units:
                break
            if (one.warehouse, one.sku) == (code, sku):
                there += one.quantity
                last = max(last or one.expected_on, one.expected_on)
    return last
