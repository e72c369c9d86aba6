"""Which lines are meant: named by number, by SKU, or by both.

One rule for every act: pieces that are named by their SKU alone are those of its lines in the order of their numbers,
as far as each has pieces left for the action. What names a line by its number is served first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import RuleBroken


class Numbered(Protocol):
    """A line of an order, or of a return."""

    @property
    def line_no(self) -> int: ...
    @property
    def sku(self) -> str: ...


class Naming(Protocol):
    """What names a line: its number, its SKU, or both."""

    @property
    def line_no(self) -> int | None: ...
    @property
    def sku(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Named:
    """So many pieces of a line. A SKU that is named beside the number has to be the line's."""

    line_no: int
    quantity: int
    sku: str | None = None


Line = TypeVar("Line", bound=Numbered)
Requested = TypeVar("Requested", bound=Naming)


def meant(lines: Sequence[Line], one: Naming, of: str = "the order") -> list[Line]:
    """The lines that are meant, by number. Raises RuleBroken `unknown_line`, `line_sku_mismatch`."""
    if one.line_no is None:
        mine = sorted((line for line in lines if line.sku == one.sku), key=lambda line: line.line_no)
        if not mine:
            raise RuleBroken("unknown_line", f"{of} has no line with {one.sku}")
        return mine
    mine = [line for line in lines if line.line_no == one.line_no]
    if not mine:
        raise RuleBroken("unknown_line", f"{of} has no line {one.line_no}")
    if one.sku not in (None, mine[0].sku):
        raise RuleBroken("line_sku_mismatch", f"line {one.line_no} is {mine[0].sku}: name the one or the other")
    return mine


def by_number_first(requested: Iterable[Requested]) -> list[Requested]:
    """Those that name a line by its number, then those that leave it to the rule."""
    return sorted(requested, key=lambda one: one.line_no is None)


def take(mine: Iterable[Numbered], left: Mapping[int, int], quantity: int) -> tuple[dict[int, int], int]:
    """({line: pieces}, pieces for which no line has any left); `left` says how many each line has."""
    taken: dict[int, int] = {}
    for line in mine:
        if units := min(quantity, max(left.get(line.line_no, 0), 0)):
            taken[line.line_no] = units
            quantity -= units
    return taken, quantity
