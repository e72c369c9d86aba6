"""Sourcing: eligible, score, allocate, split, explain. Pure; equal input gives an equal decision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil

from domain.sourcing.allocation import allocated
from domain.sourcing.decision import Considered, Share, SharedLine, SourcingDecision
from domain.sourcing.eligible import Eligible, eligible, without_suppliers
from domain.sourcing.places import distance_class
from domain.sourcing.profile import DEFAULT_PROFILE, Profile, Rate, Strategy, Suppliers
from domain.sourcing.request import SourcingRequest
from domain.sourcing.scoring import Scored, scored
from domain.sourcing.splitting import split


def decide(request: SourcingRequest, profile: Profile = DEFAULT_PROFILE) -> SourcingDecision:
    """Who ships what. The first strategy that fits and allocates everything decides; where none does, that which
    leaves the fewest units, or ships in more parts than are allowed. Strategies are tried without suppliers first,
    unless one takes them beside warehouses."""
    demand = request.demand()
    able = eligible(request, demand)
    own = without_suppliers(able)
    best: SourcingDecision | None = None
    for strategy, among in _tries(profile.strategies_for(request), able, own):
        found = _by_strategy(request, demand, among, strategy, profile.rates)
        if not found.unallocated and _is_within(found, request.preferences.max_fulfilments):
            return _kept(request, found)
        if best is None or _units(found.unallocated) < _units(best.unallocated):
            best = found
    return _kept(request, best or _nobody(request, able))


def _is_within(found: SourcingDecision, most: int | None) -> bool:
    return most is None or len(found.shares) <= most


def _tries(strategies: Sequence[Strategy], able: Eligible, own: Eligible) -> Iterator[tuple[Strategy, Eligible]]:
    """Each strategy with those that it chooses among."""
    for strategy in strategies:
        yield strategy, able if strategy.suppliers is Suppliers.EQUAL else own
    if own is not able:
        yield from ((one, able) for one in strategies if one.suppliers is Suppliers.LAST)


def _by_strategy(
    request: SourcingRequest, demand: Mapping[str, int], able: Eligible, strategy: Strategy, rates: tuple[Rate, ...]
) -> SourcingDecision:
    judged = scored(request, able, strategy, rates)
    allowed = request.preferences.max_fulfilments
    most = strategy.max_fulfilments if allowed is None else min(allowed, strategy.max_fulfilments)
    plan = allocated(demand, able.units, judged.costs, most)
    shares, missing = split([line for line in request.lines if line.quantity > 0], plan.units)
    freights = _freights(request, shares, rates)
    considered = _explained(able, judged)
    return SourcingDecision(shares, missing, considered, strategy.name, plan.points, sum(freights), freights)


def _explained(able: Eligible, judged: Scored) -> tuple[Considered, ...]:
    """All warehouses: the best first, then those that a criterion excluded, then those that were out before."""
    fixed = judged.costs.fixed
    ranked = sorted(
        judged.considered.values(),
        key=lambda one: (one.excluded_by is not None, fixed.get(one.warehouse, 0), one.warehouse),
    )
    out = [Considered(code, 0.0, {}, reason.value) for code, reason in sorted(able.excluded.items())]
    return (*ranked, *out)


def _freights(request: SourcingRequest, shares: tuple[Share, ...], rates: tuple[Rate, ...]) -> tuple[int, ...]:
    """What the parcel of each share costs."""
    places = {one.code: one for one in request.network.warehouses}
    weights = {line.line_no: line.weight_g for line in request.lines}
    costs = []
    for share in shares:
        rate = rates[distance_class(places[share.warehouse], request.destination)]
        grams = sum(weights[line.line_no] * line.quantity for line in share.lines)
        costs.append(rate.parcel_minor + ceil(rate.kg_minor * grams / 1000))
    return tuple(costs)


def _kept(request: SourcingRequest, found: SourcingDecision) -> SourcingDecision:
    """Everything or nothing, where the customer asks for it."""
    if not request.preferences.ship_complete or not found.unallocated:
        return found
    return replace(found, shares=(), unallocated=_all_lines(request), points=0, freight_minor=0, freights_minor=())


def _nobody(request: SourcingRequest, able: Eligible) -> SourcingDecision:
    """No strategy fits the order."""
    out = {code: reason.value for code, reason in able.excluded.items()}
    considered = [
        Considered(one.code, 0.0, {}, out.get(one.code, "no_strategy"))
        for one in sorted(request.network.warehouses, key=lambda one: one.code)
    ]
    return SourcingDecision((), _all_lines(request), tuple(considered), "")


def _all_lines(request: SourcingRequest) -> tuple[SharedLine, ...]:
    wanted = [line for line in request.lines if line.quantity > 0]
    return tuple(sorted(SharedLine(line.line_no, line.sku, line.quantity) for line in wanted))


def _units(lines: tuple[SharedLine, ...]) -> int:
    return sum(line.quantity for line in lines)
