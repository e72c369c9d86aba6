"""Sourcing: what is sent is what was ordered and is there, by as few as was asked for, the same for equal input."""

from collections import Counter
from dataclasses import replace
from itertools import combinations

from hypothesis import assume, given
from hypothesis import strategies as st

from domain.sourcing.candidates import candidates
from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.profile import DEFAULT_STRATEGY, Condition, Criterion, CriterionKind, Profile, Strategy
from domain.sourcing.request import Line, Network, Preferences, SourcingRequest
from tests.domain.sourcing.networks import profiles, requests

TO = Destination("CN", "a", "a")
NEAR, FAR = Warehouse("NEAR", "CN", "a", "a", 1), Warehouse("FAR", "CN", "b", "b", 1)


def _sent(decision: SourcingDecision) -> Counter[tuple[str, str]]:
    units: Counter[tuple[str, str]] = Counter()
    for share in decision.shares:
        for line in share.lines:
            units[share.warehouse, line.sku] += line.quantity
    return units


def _may_send(request: SourcingRequest, decision: SourcingDecision) -> dict[tuple[str, str], int]:
    """What the warehouses that nothing excluded have, above their buffers."""
    kept = {one.warehouse for one in decision.considered if one.excluded_by is None}
    buffers = {one.code: one.buffer for one in request.network.warehouses}
    return {
        (code, sku): units - buffers[code]
        for (code, sku), units in request.network.available.items()
        if code in kept and units > buffers[code]
    }


@given(requests(), profiles())
def test_each_line_is_sent_or_unallocated_to_the_last_unit(request: SourcingRequest, profile: Profile) -> None:
    decision = decide(request, profile)
    ends: Counter[int] = Counter()
    for line in [line for share in decision.shares for line in share.lines] + list(decision.unallocated):
        assert line.quantity > 0
        ends[line.line_no] += line.quantity
    assert ends == {line.line_no: line.quantity for line in request.lines}


@given(requests(), profiles())
def test_nobody_sends_more_than_it_has(request: SourcingRequest, profile: Profile) -> None:
    decision = decide(request, profile)
    there = _may_send(request, decision)
    assert all(units <= there.get(place, 0) for place, units in _sent(decision).items())
    assert {one.warehouse for one in decision.considered} == {one.code for one in request.network.warehouses}


@given(requests(), profiles())
def test_what_is_there_is_sent(request: SourcingRequest, profile: Profile) -> None:
    """Nothing stays unallocated that an unexcluded warehouse has; with `ship_complete` it is everything or nothing."""
    decision = decide(request, profile)
    there: Counter[str] = Counter()
    for (_, sku), units in _may_send(request, decision).items():
        there[sku] += units
    missing = sum(max(0, units - there[sku]) for sku, units in request.demand().items())
    left = sum(line.quantity for line in decision.unallocated)
    everything = sum(request.demand().values())
    assert left == (everything if request.preferences.ship_complete and missing else missing)


@given(requests(), profiles(), st.integers(1, 2))
def test_no_more_fulfilments_than_allowed_unless_fewer_cannot_send_it(
    request: SourcingRequest, profile: Profile, allowed: int
) -> None:
    decision = decide(replace(request, preferences=Preferences(max_fulfilments=allowed)), profile)
    if len(decision.shares) <= allowed:
        return
    there, sent = _may_send(request, decision), Counter[str]()
    for (_, sku), units in _sent(decision).items():
        sent[sku] += units
    for chosen in combinations({code for code, _ in there}, len(decision.shares) - 1):
        assert any(sum(there.get((code, sku), 0) for code in chosen) < units for sku, units in sent.items())


@given(requests(), profiles(), st.randoms(use_true_random=False))
def test_equal_input_gives_an_equal_decision(request: SourcingRequest, profile: Profile, chance: object) -> None:
    shuffled = list(request.network.warehouses)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    network = Network(tuple(shuffled), dict(reversed(list(request.network.available.items()))))
    assert decide(replace(request, network=network), profile) == decide(request, profile)


@given(requests(), st.sampled_from(["cup", "pot", "tea"]), st.integers(1, 4))
def test_more_stock_never_sends_less(request: SourcingRequest, sku: str, more: int) -> None:
    assume(request.network.warehouses)
    place = (request.network.warehouses[0].code, sku)
    available = dict(request.network.available)
    available[place] = available.get(place, 0) + more
    fuller = replace(request, network=Network(request.network.warehouses, available))
    before, after = decide(request), decide(fuller)
    left = [sum(line.quantity for line in one.unallocated) for one in (before, after)]
    assert left[1] <= left[0]
    if left[0] == 0:
        assert len(after.shares) <= len(before.shares)


@given(requests())
def test_the_default_profile_chooses_what_candidates_choose(request: SourcingRequest) -> None:
    plain = tuple(replace(one, capacity_left=None, buffer=0) for one in request.network.warehouses)
    request = replace(request, network=Network(plain, request.network.available))
    able = candidates(request.demand(), request.network.available, plain, request.destination)
    decision = decide(request)
    if able:
        assert decision.warehouses == (able[0],)
        assert decision.unallocated == ()
    else:
        assert len(decision.shares) != 1 or decision.unallocated


def _request(
    available: dict[tuple[str, str], int], *lines: Line, preferences: Preferences | None = None
) -> SourcingRequest:
    return SourcingRequest(lines, Network((NEAR, FAR), available), TO, preferences or Preferences())


def test_two_halves_make_a_whole_in_two_parts() -> None:
    two = _request({("NEAR", "tea"): 1, ("FAR", "cup"): 9}, Line(1, "tea", 1), Line(2, "cup", 2))
    decision = decide(two)
    assert [(share.warehouse, [tuple(line) for line in share.lines]) for share in decision.shares] == [
        ("NEAR", [(1, "tea", 1)]),
        ("FAR", [(2, "cup", 2)]),
    ]


def test_a_line_is_torn_apart_only_where_nobody_has_all_of_it() -> None:
    decision = decide(_request({("NEAR", "tea"): 2, ("FAR", "tea"): 4}, Line(1, "tea", 2), Line(2, "tea", 4)))
    assert {share.warehouse: share.lines for share in decision.shares} == {
        "NEAR": ((1, "tea", 2),),
        "FAR": ((2, "tea", 4),),
    }


def test_everything_or_nothing_where_the_customer_asks_for_it() -> None:
    stock = {("NEAR", "tea"): 1}
    assert decide(_request(stock, Line(1, "tea", 2))).unallocated == ((1, "tea", 1),)
    complete = decide(_request(stock, Line(1, "tea", 2), preferences=Preferences(ship_complete=True)))
    assert (complete.shares, complete.unallocated) == ((), ((1, "tea", 2),))


def test_a_cheap_split_ships_each_line_from_nearby() -> None:
    """Where a further parcel costs less than the distance, the near one sends what it has."""
    nearest = Strategy("near", (Criterion(CriterionKind.REGION, 100),), split_points=10)
    stock = {("NEAR", "tea"): 1, ("FAR", "cup"): 1, ("FAR", "tea"): 1}
    request = _request(stock, Line(1, "tea", 1), Line(2, "cup", 1))
    assert decide(request).warehouses == ("FAR",)
    assert decide(request, Profile((nearest,))).warehouses == ("FAR",)  # FAR is paid for anyway


def test_a_criterion_excludes_and_says_so_and_the_next_strategy_is_the_fallback() -> None:
    local = Strategy("local", (Criterion(CriterionKind.REGION, 100, exclude_below=0.5),))
    request = _request({("FAR", "tea"): 1}, Line(1, "tea", 1))
    alone = decide(request, Profile((local,)))
    assert [(one.warehouse, one.excluded_by) for one in alone.considered] == [("FAR", "region"), ("NEAR", "no_stock")]
    assert alone.unallocated
    helped = decide(request, Profile((local, DEFAULT_STRATEGY)))
    assert (helped.warehouses, helped.strategy) == (("FAR",), "default")


def test_a_strategy_is_for_the_orders_that_its_condition_fits() -> None:
    only = Strategy("b", (Criterion(CriterionKind.PRIORITY, 1),), Condition(provinces=("b",), categories=("x",)))
    here = _request({("NEAR", "tea"): 1}, Line(1, "tea", 1, category="x"))
    there = replace(here, destination=Destination("CN", "b", "b"))
    profile = Profile((only, DEFAULT_STRATEGY))
    assert [decide(one, profile).strategy for one in (here, there)] == ["default", "b"]
    nobody = decide(here, Profile((only,)))
    assert nobody.shares == ()
    assert {one.excluded_by for one in nobody.considered} == {"no_strategy", "no_stock"}


def test_a_decision_is_stored_with_what_ships_and_the_best_of_the_others() -> None:
    fields = decide(_request({("FAR", "tea"): 1, ("NEAR", "tea"): 1}, Line(1, "tea", 2))).fields(considered=1)
    assert [one["warehouse"] for one in fields["considered"]] == ["NEAR", "FAR"]
    assert fields["considered"][0] == {
        "warehouse": "NEAR", "score": 1.0, "criteria": {"region": 1.0, "priority": 1.0}, "excluded_by": None,
    }  # fmt: skip
