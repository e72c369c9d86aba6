"""Stock of several warehouses, packed into one whole number for each, so that a set of them is checked in one step.

Each SKU has a field of bits in the number. Adding the numbers of a set adds all fields at once. A field that reaches
the need of its SKU sets the field's highest bit, since every sum begins at `start`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

# No set that is checked has more members: a field has room for that many times its need.
MOST = 16


@dataclass(frozen=True, slots=True)
class Supply:
    """`packed` has the number of each warehouse, in the order in which they were given."""

    need: Mapping[str, int]
    packed: tuple[int, ...]
    start: int
    full: int

    def covers(self, total: int) -> bool:
        """True where a sum, begun at `start`, has every need."""
        return total & self.full == self.full


def packed(need: Mapping[str, int], units: Sequence[Mapping[str, int]]) -> Supply:
    """Pack what each has of each needed SKU, at most the need."""
    at, start, full = 0, 0, 0
    fields: dict[str, int] = {}
    for sku, quantity in need.items():
        width = ((MOST + 1) * quantity).bit_length()
        fields[sku] = at
        start += ((1 << width) - quantity) << at
        full += 1 << (at + width)
        at += width + 1
    numbers = tuple(
        sum(min(held[sku], need[sku]) << place for sku, place in fields.items() if sku in held) for held in units
    )
    return Supply(need, numbers, start, full)


def best_sums(need: Mapping[str, int], units: Sequence[Mapping[str, int]], sizes: Iterable[int]) -> Supply:
    """For each size, the most that any set of that size can have of each SKU, taken SKU by SKU."""
    held = {sku: sorted((min(one.get(sku, 0), need[sku]) for one in units), reverse=True) for sku in need}
    most = [{sku: sum(values[:size]) for sku, values in held.items()} for size in sizes]
    return packed(need, most)
