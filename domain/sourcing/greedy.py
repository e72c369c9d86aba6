"""A plan without a search: take the warehouse that brings most for its cost, until everything is there."""

from domain.sourcing.search import Candidates


def greedy(among: Candidates) -> tuple[int, ...]:
    """A set that has everything, without members that it does not need."""
    chosen = _gathered(among)
    return _without_needless(among, chosen)


def _gathered(among: Candidates) -> list[int]:
    left = dict(among.need)
    open_places = list(range(len(among.codes)))
    chosen: list[int] = []
    while left and open_places:
        best = max(open_places, key=lambda place: (_brought(among, place, left) / (among.fixed[place] + 1), -place))
        open_places.remove(best)
        chosen.append(best)
        held = among.units[best]
        left = {sku: rest for sku, quantity in left.items() if (rest := quantity - held.get(sku, 0)) > 0}
    return chosen


def _brought(among: Candidates, place: int, left: dict[str, int]) -> float:
    """The shares of the needs that the warehouse brings; what finishes a SKU counts twice."""
    held = among.units[place]
    return sum(
        (min(quantity, held[sku]) / among.need[sku]) + (held[sku] >= quantity)
        for sku, quantity in left.items()
        if sku in held
    )


def _without_needless(among: Candidates, chosen: list[int]) -> tuple[int, ...]:
    kept = sorted(chosen)
    for place in sorted(chosen, key=lambda place: -among.fixed[place]):
        rest = [other for other in kept if other != place]
        if _has_all(among, rest):
            kept = rest
    return tuple(kept)


def _has_all(among: Candidates, chosen: list[int]) -> bool:
    return all(sum(among.units[p].get(sku, 0) for p in chosen) >= quantity for sku, quantity in among.need.items())
