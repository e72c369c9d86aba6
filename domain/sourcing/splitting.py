"""Step 4: the units of each SKU become lines again: which line is sent by which warehouse."""

from collections.abc import Mapping, Sequence

from domain.sourcing.decision import Share, SharedLine
from domain.sourcing.request import Line


def split(
    lines: Sequence[Line], units: Mapping[str, Mapping[str, int]]
) -> tuple[tuple[Share, ...], tuple[SharedLine, ...]]:
    """The share of each warehouse, in the order given, and what nobody sends. A line that one of them can send in full
    is not torn apart."""
    left = {code: dict(held) for code, held in units.items()}
    taken: dict[str, list[SharedLine]] = {code: [] for code in units}
    missing: list[SharedLine] = []
    for line in sorted(lines, key=lambda line: (-line.quantity, line.line_no)):
        rest = line.quantity
        for code in _by_fit(line, left):
            pieces = min(rest, left[code].get(line.sku, 0))
            if pieces:
                taken[code].append(SharedLine(line.line_no, line.sku, pieces))
                left[code][line.sku] -= pieces
                rest -= pieces
        if rest:
            missing.append(SharedLine(line.line_no, line.sku, rest))
    shares = tuple(Share(code, tuple(sorted(found))) for code, found in taken.items() if found)
    return shares, tuple(sorted(missing))


def _by_fit(line: Line, left: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Whoever can send all of it first; else whoever has most."""
    return sorted(left, key=lambda code: (left[code].get(line.sku, 0) < line.quantity, -left[code].get(line.sku, 0)))
