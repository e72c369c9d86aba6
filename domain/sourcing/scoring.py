"""Step 2: how good each warehouse is, by the criteria of a strategy, and what choosing it costs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from domain.sourcing.decision import Considered
from domain.sourcing.distances import FARTHEST_KM, distance_km
from domain.sourcing.eligible import Eligible
from domain.sourcing.places import Warehouse, distance_class
from domain.sourcing.profile import Criterion, CriterionKind, Rate, Strategy
from domain.sourcing.request import SourcingRequest

# Costs are whole numbers, so that equal input gives an equal answer: a point is so many of them.
SCALE = 1_000_000
_FURTHEST_CLASS = 3


@dataclass(frozen=True, slots=True)
class Costs:
    """What a fulfilment from a warehouse costs (`fixed`), and each unit of a SKU beside it (`unit`, empty where no
    criterion depends on what is sent)."""

    fixed: Mapping[str, int]
    unit: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Scored:
    """Every eligible warehouse as it was judged, and the costs of those that no criterion excludes."""

    considered: Mapping[str, Considered]
    costs: Costs


_Scores = dict[str, float]


def scored(request: SourcingRequest, able: Eligible, strategy: Strategy, rates: tuple[Rate, ...]) -> Scored:
    """Judge each eligible warehouse."""
    by_kind = {criterion.kind: _SCORES[criterion.kind](request, able, rates) for criterion in strategy.criteria}
    considered = {one.code: _considered(one.code, strategy, by_kind) for one in able.warehouses}
    kept = [one for one in able.warehouses if considered[one.code].excluded_by is None]
    return Scored(considered, _costs(request, kept, strategy, by_kind, rates))


def _considered(code: str, strategy: Strategy, by_kind: Mapping[CriterionKind, _Scores]) -> Considered:
    scores = {one.kind.value: by_kind[one.kind][code] for one in strategy.criteria}
    total = sum(one.weight for one in strategy.criteria)
    score = sum(one.weight * scores[one.kind.value] for one in strategy.criteria) / total if total else 1.0
    out = next((one.kind.value for one in strategy.criteria if scores[one.kind.value] < one.exclude_below), None)
    return Considered(code, round(score, 4), {kind: round(value, 4) for kind, value in scores.items()}, out)


def _costs(
    request: SourcingRequest, kept: list[Warehouse], strategy: Strategy, by_kind: Mapping[CriterionKind, _Scores],
    rates: tuple[Rate, ...],
) -> Costs:  # fmt: skip
    """Points lost by each criterion, and those of the split. Freight is paid for what is sent, not for all."""
    fixed = dict.fromkeys((one.code for one in kept), strategy.split_points * SCALE)
    unit: dict[tuple[str, str], int] = {}
    for criterion in strategy.criteria:
        if criterion.kind is CriterionKind.FREIGHT:
            _add_freight(request, kept, criterion, rates, fixed, unit)
            continue
        for code in fixed:
            fixed[code] += round(criterion.weight * (1 - by_kind[criterion.kind][code]) * SCALE)
    return Costs(fixed, unit)


def _add_freight(
    request: SourcingRequest, kept: list[Warehouse], criterion: Criterion, rates: tuple[Rate, ...],
    fixed: dict[str, int], unit: dict[tuple[str, str], int],
) -> None:  # fmt: skip
    most = max((_freight(request, one, rates) for one in kept), default=0) or 1
    weights = {line.sku: line.weight_g for line in request.lines}
    for one in kept:
        rate = rates[distance_class(one, request.destination)]
        fixed[one.code] += round(criterion.weight * rate.parcel_minor / most * SCALE)
        for sku, weight_g in weights.items():
            if points := round(criterion.weight * rate.kg_minor * weight_g / 1000 / most * SCALE):
                unit[one.code, sku] = points


def _freight(request: SourcingRequest, warehouse: Warehouse, rates: tuple[Rate, ...]) -> float:
    """What all of the order would cost from there."""
    rate = rates[distance_class(warehouse, request.destination)]
    return rate.parcel_minor + rate.kg_minor * sum(line.weight_g * line.quantity for line in request.lines) / 1000


def _by_region(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    to = request.destination
    return {one.code: 1 - distance_class(one, to) / _FURTHEST_CLASS for one in able.warehouses}


def _by_distance(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    """The square root spreads the near ones: 50 km against 500 km matters more than 9,000 against 9,450."""
    to = request.destination
    return {one.code: 1 - min(1.0, distance_km(one, to) / FARTHEST_KM) ** 0.5 for one in able.warehouses}


def _by_freight(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    costs = {one.code: _freight(request, one, rates) for one in able.warehouses}
    return _share_of_most(costs)


def _by_priority(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    """By rank among all warehouses of the network: the number itself says only which comes first."""
    ranks = {value: rank for rank, value in enumerate(sorted({one.priority for one in request.network.warehouses}))}
    last = max(len(ranks) - 1, 1)
    return {one.code: 1 - ranks[one.priority] / last for one in able.warehouses}


def _by_stock(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    wanted = request.demand()
    units = sum(wanted.values()) or 1
    return {
        one.code: sum(min(wanted[sku], held) for sku, held in able.units[one.code].items()) / units
        for one in able.warehouses
    }


def _by_load(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    return _share_of_most({one.code: one.load for one in able.warehouses})


def _by_cut_off(request: SourcingRequest, able: Eligible, rates: tuple[Rate, ...]) -> _Scores:
    return {one.code: 1.0 if one.open_today else 0.0 for one in able.warehouses}


def _share_of_most(values: Mapping[str, float]) -> _Scores:
    most = max(values.values(), default=0) or 1
    return {code: 1 - value / most for code, value in values.items()}


_SCORES: Mapping[CriterionKind, Callable[[SourcingRequest, Eligible, tuple[Rate, ...]], _Scores]] = {
    CriterionKind.REGION: _by_region,
    CriterionKind.DISTANCE: _by_distance,
    CriterionKind.FREIGHT: _by_freight,
    CriterionKind.PRIORITY: _by_priority,
    CriterionKind.STOCK: _by_stock,
    CriterionKind.LOAD: _by_load,
    CriterionKind.CUT_OFF: _by_cut_off,
}
