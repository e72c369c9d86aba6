"""Against an exact solver: real baskets over fifty warehouses cost at most 2 % more on average, 10 % more at worst."""

import os
from collections.abc import Callable
from random import Random

import pytest

from domain.sourcing.allocation import allocated
from domain.sourcing.distances import FARTHEST_KM
from domain.sourcing.scoring import SCALE, Costs
from tests.domain.sourcing.exact import optimum
from tests.domain.sourcing.test_optimum import baskets

WAREHOUSES, MOST = 50, 4
NETWORKS = 400 if "OMS_TORTURE" in os.environ else 12

Stock = dict[str, dict[str, int]]


def stock(chance: Random, basket: dict[str, int]) -> Stock:
    """Each warehouse has some of it; how many have a product differs from network to network."""
    having = chance.choice([0.08, 0.15, 0.3, 0.5])
    return {
        f"W{n:02}": {sku: chance.randint(1, 2 * most) for sku, most in basket.items() if chance.random() < having}
        for n in range(WAREHOUSES)
    }


def random_costs(chance: Random, basket: dict[str, int]) -> Costs:
    """Each warehouse costs anything, and each unit of each product there."""
    split = chance.choice([20, 100, 1000])
    codes = [f"W{n:02}" for n in range(WAREHOUSES)]
    fixed = {code: (split + chance.randint(0, 110)) * SCALE for code in codes}
    unit = {(code, sku): chance.randint(0, 20) * SCALE // 4 for code in codes for sku in basket}
    return Costs(fixed, unit if chance.random() < 0.5 else {})


def costs_by_distance(chance: Random, basket: dict[str, int]) -> Costs:
    """The farther, the more: the parcel, and each unit by its weight."""
    split = chance.choice([20, 100, 1000])
    km = {f"W{n:02}": chance.uniform(10, 3000) for n in range(WAREHOUSES)}
    weights = {sku: chance.randint(1, 20) for sku in basket}
    fixed = {code: round((split + 100 * (far / FARTHEST_KM) ** 0.5) * SCALE) for code, far in km.items()}
    unit = {(code, sku): round(far / 3000 * weight * SCALE / 4) for code, far in km.items()
            for sku, weight in weights.items()}  # fmt: skip
    return Costs(fixed, unit if chance.random() < 0.5 else {})


@pytest.mark.parametrize("draw", [random_costs, costs_by_distance])
def test_sourcing_costs_close_to_the_optimum(draw: Callable[[Random, dict[str, int]], Costs]) -> None:
    chance, known = Random(2026), baskets()
    gaps: list[float] = []
    while len(gaps) < NETWORKS:
        basket = chance.choice(known)
        units, costs = stock(chance, basket), draw(chance, basket)
        least = optimum(basket, units, costs, MOST)
        if least is not None:
            gaps.append(allocated(basket, units, costs, MOST).points / least - 1)
    assert min(gaps) >= -1e-6
    assert sum(gaps) / len(gaps) <= 0.02
    assert max(gaps) <= 0.10
