"""A plan made cheaper step by step, among all warehouses: take one more, leave one out, exchange one or two for one."""

from collections.abc import Iterator
from itertools import combinations

from domain.sourcing.search import Candidates

# So many steps are taken at most; each makes the plan cheaper.
_STEPS = 8


def polished(every: Candidates, chosen: tuple[int, ...], most: int) -> tuple[int, ...]:
    """The cheapest set that such steps lead to. It has everything if `chosen` has, and at most `most` members unless
    `chosen` has more."""
    best, cost = chosen, every.cost(chosen)
    for _ in range(_STEPS):
        step = _cheapest(every, best, cost, max(most, len(best)))
        if step is None:
            break
        cost, best = step
    return best


def _cheapest(every: Candidates, best: tuple[int, ...], cost: int, most: int) -> tuple[int, tuple[int, ...]] | None:
    found: tuple[int, tuple[int, ...]] | None = None
    for fixed, total, chosen in _neighbours(every, best, most):
        least = cost if found is None else found[0]
        if fixed + every.least_units >= least or not every.supply.covers(total):
            continue
        points = every.cost(chosen)
        if points < least:
            found = points, chosen
    return found


def _neighbours(every: Candidates, best: tuple[int, ...], most: int) -> Iterator[tuple[int, int, tuple[int, ...]]]:
    """The sets that are one step away, each with its fixed cost and its packed units."""
    fixed, packed = every.fixed, every.supply.packed
    paid = sum(fixed[place] for place in best)
    total = every.supply.start + sum(packed[place] for place in best)
    others = [place for place in range(len(fixed)) if place not in best]
    if len(best) < most:
        for new in others:
            yield paid + fixed[new], total + packed[new], tuple(sorted((*best, new)))
    for gone in [(old,) for old in best] + list(combinations(best, 2)):
        kept = tuple(place for place in best if place not in gone)
        rest, left = paid - sum(fixed[old] for old in gone), total - sum(packed[old] for old in gone)
        if len(gone) == 1:
            yield rest, left, kept
        for new in others:
            yield rest + fixed[new], left + packed[new], tuple(sorted((*kept, new)))
