"""A change of lines of an order that ships in several parts: which part has more, and which has fewer units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import Conflict
from domain.orders.changes import LineChange


@dataclass(frozen=True, slots=True)
class SharedPart:
    """A part that is not cancelled, with its lines {line_no: units}. `booked`: a carrier is asked, or was;
    `planned`: its stock is not reserved."""

    number: int
    warehouse: str
    booked: bool
    lines: Mapping[int, int]
    planned: bool = False

    @property
    def units(self) -> int:
        return sum(self.lines.values())


@dataclass(frozen=True, slots=True)
class PartChange:
    """Units of a line that a part has more or, below zero, fewer; a part that is `planned` holds no stock."""

    number: int
    warehouse: str
    line_no: int
    sku: str
    delta: int
    planned: bool = False


def divided(
    changes: Sequence[LineChange], parts: Sequence[SharedPart], available: Mapping[tuple[str, str], int]
) -> list[PartChange]:
    """Who has more and who has fewer units; `available` is {(warehouse, sku): units}.

    Planned parts lose their units first, then the smallest ones, so that fewer parcels are left. Units that are added
    go to one part whose warehouse has all of them, else to those that have the most. Raises Conflict `line_booked`,
    `stock_short`.
    """
    open_ones = [part for part in parts if not (part.booked or part.planned)]
    left = dict(available)
    found: list[PartChange] = []
    for change in changes:
        if change.delta < 0:
            found += _taken_off(change, parts)
        elif change.delta > 0:
            found += _added(change, open_ones, left)
    return found


def _taken_off(change: LineChange, parts: Sequence[SharedPart]) -> list[PartChange]:
    units, found = -change.delta, []
    able = [part for part in parts if not part.booked and part.lines.get(change.line_no)]
    for part in sorted(able, key=lambda part: (not part.planned, part.units, -part.number)):
        taken = min(units, part.lines[change.line_no])
        if taken:
            found.append(PartChange(part.number, part.warehouse, change.line_no, change.sku, -taken, part.planned))
            units -= taken
    if units:
        raise _booked(change, parts)
    return found


def _booked(change: LineChange, parts: Sequence[SharedPart]) -> Conflict:
    numbers = [str(part.number) for part in parts if part.booked and part.lines.get(change.line_no)]
    return Conflict(
        "line_booked",
        "units of line {line_no} ({sku}) are in part {parts} of the order, for which a carrier is booked or being"
        " booked: they stay; return what is not wanted",
        line_no=change.line_no,
        sku=change.sku,
        parts=", ".join(numbers),
    )


def _added(change: LineChange, parts: Sequence[SharedPart], left: dict[tuple[str, str], int]) -> list[PartChange]:
    def has(part: SharedPart) -> int:
        return left.get((part.warehouse, change.sku), 0)

    units, found = change.delta, []
    whole = [part for part in parts if has(part) >= units]
    for part in whole[:1] or sorted(parts, key=lambda part: (-has(part), part.number)):
        more = min(units, has(part))
        if more > 0:
            found.append(PartChange(part.number, part.warehouse, change.line_no, change.sku, more))
            left[part.warehouse, change.sku] = has(part) - more
            units -= more
    if units:
        there = {part.warehouse: has(part) for part in parts}
        raise Conflict(
            "stock_short",
            "the warehouses of this order have {available} more of {sku}: add no more, or place a second order for"
            " the rest",
            sku=change.sku,
            available=change.delta - units + sum(there.values()),
        )
    return found
