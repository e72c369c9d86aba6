"""Charts as rectangles and lines in a box of fixed units: templates draw them as inline SVG, the table is beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 600, 200
_BOTTOM, _TOP = 20, 8
_STEPS = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle of the series that it belongs to."""

    series: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Tick:
    """A label at a place of an axis."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one or two series side by side, with lines at round numbers."""

    bars: list[Bar]
    lines: list[Tick]
    labels: list[Tick]
    left: int
    width: int = WIDTH
    height: int = HEIGHT


def columns(
    series: Sequence[Sequence[int]], labels: Sequence[str], write: Callable[[int], str] = "{:,}".format, left: int = 36
) -> Columns:
    """A column for each value; labels beneath, an empty one for a place without. `write` names the lines."""
    step = _round_step(max([1, *(value for one in series for value in one)]))
    highest = step * max(1, -(-max([1, *(value for one in series for value in one)]) // step))
    room, wide = HEIGHT - _BOTTOM - _TOP, (WIDTH - left) / max(1, len(labels))
    each = 0.8 * wide / max(1, len(series))

    def height_of(value: float) -> float:
        return room * value / highest

    bars = [
        Bar(
            number,
            round(left + place * wide + 0.1 * wide + number * each, 2),
            round(_TOP + room - height_of(value), 2),
            round(each, 2),
            round(height_of(value), 2),
        )
        for number, one in enumerate(series)
        for place, value in enumerate(one)
        if value
    ]
    lines = [Tick(round(_TOP + room - height_of(value), 2), write(value)) for value in range(0, highest + 1, step)]
    places = [Tick(round(left + (at + 0.5) * wide, 2), text) for at, text in enumerate(labels) if text]
    return Columns(bars, lines, places, left)


def _round_step(highest: int) -> int:
    """A round number of which four or fewer reach the highest value."""
    size = 1
    while True:
        for factor in _STEPS:
            if factor * size * 4 >= highest:
                return factor * size
        size *= 10
