"""Against the optimum: real baskets over generated networks cost at most 2 % more on average, 10 % more at worst."""

import csv
import gzip
from itertools import combinations
from pathlib import Path
from random import Random

import pytest

from domain.sourcing import search
from domain.sourcing.allocation import allocated
from domain.sourcing.deciding import decide
from domain.sourcing.places import Destination, Warehouse
from domain.sourcing.request import Line, Network, SourcingRequest
from domain.sourcing.scoring import SCALE, Costs
from domain.sourcing.search import Candidates
from workers import demo

BASKETS = Path(demo.__file__).parent / "data" / "baskets.csv.gz"
WAREHOUSES, NETWORKS, MOST = 14, 40, 4


def baskets() -> list[dict[str, int]]:
    """{sku: units} of real baskets with three to twelve products."""
    found: dict[str, dict[str, int]] = {}
    with gzip.open(BASKETS, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if 0 < int(row["quantity"]) < 20:
                found.setdefault(row["basket_id"], {})[row["product_id"]] = int(row["quantity"])
    return [basket for basket in found.values() if 3 <= len(basket) <= 12]


def network(chance: Random, basket: dict[str, int]) -> tuple[dict[str, dict[str, int]], Costs]:
    """Warehouses that have some of it, nearer and farther, with freight by weight where the network has rates."""
    codes = [f"W{n:02}" for n in range(WAREHOUSES)]
    units = {
        code: {sku: chance.randint(1, 2 * most) for sku, most in basket.items() if chance.random() < 0.45}
        for code in codes
    }
    split = chance.choice([20, 100, 1000])
    fixed = {code: (split + chance.randint(0, 110)) * SCALE for code in codes}
    rates = {code: chance.randint(0, 9) for code in codes}
    weights = {sku: chance.randint(1, 20) for sku in basket}
    unit = {(code, sku): rates[code] * weights[sku] * SCALE // 20 for code in codes for sku in basket if rates[code]}
    return units, Costs(fixed, unit if chance.random() < 0.5 else {})


def optimum(need: dict[str, int], units: dict[str, dict[str, int]], costs: Costs) -> int | None:
    """The cheapest of all sets of at most MOST warehouses; None where no such set has everything."""
    codes = sorted(costs.fixed, key=lambda code: (costs.fixed[code], code))
    every = Candidates(tuple(codes), tuple(units[code] for code in codes), need, costs)
    sets = (chosen for size in range(1, MOST + 1) for chosen in combinations(range(len(codes)), size))
    able = (
        chosen for chosen in sets if all(sum(every.units[p].get(s, 0) for p in chosen) >= n for s, n in need.items())
    )
    return min((every.cost(chosen) for chosen in able), default=None)


def test_real_baskets_cost_close_to_the_least() -> None:
    chance = Random(14)
    known = baskets()
    gaps = []
    while len(gaps) < NETWORKS:
        basket = chance.choice(known)
        units, costs = network(chance, basket)
        if any(sum(held.get(sku, 0) for held in units.values()) < most for sku, most in basket.items()):
            continue
        least = optimum(basket, units, costs)
        if least is None:
            continue
        gaps.append(allocated(basket, units, costs, MOST).points / least - 1)
    assert min(gaps) >= 0
    assert sum(gaps) / len(gaps) <= 0.02
    assert max(gaps) <= 0.10


def sparse_request(chance: Random) -> SourcingRequest:
    """Ten lines over fifty warehouses, of which each has a few."""
    places = [(f"P{n % 12}", f"C{n}") for n in range(50)]
    houses = tuple(Warehouse(f"W{n:02}", "CN", *place, chance.randint(1, 5)) for n, place in enumerate(places))
    wanted = tuple(Line(n, f"S{n}", chance.randint(1, 3), 500) for n in range(1, 11))
    having = chance.choice([0.15, 0.2, 0.3, 0.5])
    stock = {(h.code, one.sku): chance.randint(1, 9) for h in houses for one in wanted if chance.random() < having}
    return SourcingRequest(wanted, Network(houses, stock), Destination("CN", *chance.choice(places)))


def test_the_limit_of_the_search_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = Random(5)
    asked = [sparse_request(chance) for _ in range(80)]
    limited = [decide(one).points for one in asked]
    monkeypatch.setattr(search, "BUDGET", 2_000_000)
    gaps = [points / decide(one).points - 1 for one, points in zip(asked, limited, strict=True)]
    assert min(gaps) >= 0
    assert sum(gaps) / len(gaps) <= 0.02
    assert max(gaps) <= 0.10
