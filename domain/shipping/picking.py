"""What the warehouse may do with a fulfilment: pick its lines, pack its parcel, hand it over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Conflict, RuleBroken
from domain.shipping.fulfilments import FulfilmentStatus

_LEFT = frozenset({FulfilmentStatus.SHIPPED, FulfilmentStatus.DELIVERED, FulfilmentStatus.FAILED})
_UNBOOKED = frozenset({FulfilmentStatus.PLANNED, FulfilmentStatus.RESERVED})


class RefusalReason(StrEnum):
    """Why a supplier does not ship."""

    OUT_OF_STOCK = "out_of_stock"
    DISCONTINUED = "discontinued"
    CANNOT_DELIVER = "cannot_deliver"
    RECALLED = "recalled"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class PickLine:
    """A line of a fulfilment, and how much of it is picked."""

    line_no: int
    sku: str
    name: str
    barcode: str | None
    quantity: int
    picked: int

    @property
    def left(self) -> int:
        """Units that are still to be picked."""
        return self.quantity - self.picked


@dataclass(frozen=True, slots=True)
class Standing:
    """What decides about work on a fulfilment. `cancelling`: its order is being cancelled; `held`: it is on hold; a
    `supplier` ships it."""

    status: FulfilmentStatus
    cancelling: bool
    held: bool
    supplier: bool = False

    @property
    def has_left(self) -> bool:
        """True once its parcel has left the warehouse."""
        return self.status in _LEFT

    @property
    def is_picked_here(self) -> bool:
        """False while it has no stock, and where a supplier picks it."""
        return not self.supplier and self.status is not FulfilmentStatus.PLANNED

    @property
    def is_over(self) -> bool:
        """True when nothing is sent any more."""
        return self.status is FulfilmentStatus.CANCELLED


def require_workable(now: Standing) -> None:
    """Raises Conflict `fulfilment_cancelled`, `order_cancelling`, `order_is_held`, `already_shipped`,
    `fulfilment_not_booked`, `ships_from_supplier`."""
    if now.is_over:
        raise Conflict("fulfilment_cancelled")
    if now.has_left:
        raise Conflict("already_shipped")
    if now.supplier:
        raise Conflict("ships_from_supplier")
    if now.cancelling:
        raise Conflict("order_cancelling")
    if now.held:
        raise Conflict("order_is_held")
    if now.status in _UNBOOKED:
        raise Conflict("fulfilment_not_booked")


def changes(lines: Sequence[PickLine], totals: Mapping[int, int]) -> dict[int, int]:
    """{line_no: units to pick now} so that `totals` are picked. Raises RuleBroken `unknown_line`, `more_than_asked`,
    `less_than_picked`."""
    known = {line.line_no: line for line in lines}
    for line_no, total in totals.items():
        line = known.get(line_no)
        if line is None and total:
            raise RuleBroken("unknown_line", "the fulfilment has no line {line_no}", line_no=line_no)
        if line is not None and total > line.quantity:
            asked = "of line {line_no} {quantity} are to be picked"
            raise RuleBroken("more_than_asked", asked, line_no=line_no, quantity=line.quantity)
        if line is not None and total < line.picked:
            raise Conflict("less_than_picked", "of line {line_no} {picked} are picked", line_no=line_no,
                           picked=line.picked)  # fmt: skip
    return {no: total - known[no].picked for no, total in totals.items() if no in known and total > known[no].picked}


def missing(lines: Sequence[PickLine], totals: Mapping[int, int]) -> dict[int, int]:
    """{line_no: units that were not found}."""
    return {line.line_no: line.quantity - totals[line.line_no] for line in lines
            if line.line_no in totals and totals[line.line_no] < line.quantity}  # fmt: skip


def require_picked(lines: Sequence[PickLine], totals: Mapping[int, int]) -> None:
    """What is named is what is picked, and nothing is left. Raises RuleBroken `unknown_line`, `differs_from_picked`;
    Conflict `not_picked`."""
    known = {line.line_no: line.picked for line in lines}
    for line_no, total in totals.items():
        if line_no not in known:
            raise RuleBroken("unknown_line", "the fulfilment has no line {line_no}", line_no=line_no)
        if total != known[line_no]:
            is_picked = "of line {line_no} {picked} are picked"
            raise RuleBroken("differs_from_picked", is_picked, line_no=line_no, picked=known[line_no])
    if any(line.left for line in lines):
        raise Conflict("not_picked")


def line_of(lines: Sequence[PickLine], code: str) -> PickLine | None:
    """The line that a scanned piece belongs to: one that still needs it first."""
    wanted = code.strip()
    fits = [
        line
        for line in lines
        if wanted == line.sku or (line.barcode and wanted.lstrip("0") == line.barcode.lstrip("0"))
    ]
    return next((line for line in fits if line.left), fits[0] if fits else None)


def is_same_barcode(scanned: str, barcode: str | None) -> bool:
    """Scanners differ in leading zeros."""
    return barcode is not None and scanned.isdigit() and scanned.lstrip("0") == barcode.lstrip("0")
