"""How the lines of an order are supplied: from stock, made once it is ordered, or without a parcel."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from domain.products import DeliveredBy, ProductKind
from domain.shipping.fulfilments import FulfilmentKind
from domain.sourcing.decision import SharedLine


@dataclass(frozen=True, slots=True)
class SuppliedLine:
    """A line of an order with what its product says. `lead_time_days`: how long it is made; `confirmed_after_days`: a
    service counts as performed so many days after the payment, None where a person confirms it."""

    line_no: int
    sku: str
    quantity: int
    kind: ProductKind
    delivered_by: DeliveredBy
    lead_time_days: int | None
    confirmed_after_days: int | None

    @property
    def shared(self) -> SharedLine:
        """The same as a line of a part."""
        return SharedLine(self.line_no, self.sku, self.quantity)


@dataclass(frozen=True, slots=True)
class UnstockedPart:
    """Lines that no stock serves, which are supplied together; `lead_time_days`: until the last of them is made."""

    kind: FulfilmentKind
    lines: tuple[SharedLine, ...]
    lead_time_days: int | None = None

    @property
    def units(self) -> int:
        """Units of all its lines."""
        return sum(line.quantity for line in self.lines)


def unstocked_parts(lines: Iterable[SuppliedLine]) -> tuple[UnstockedPart, ...]:
    """The parts beside those from stock: one for all that is made, one for all codes, and one for the services that are
    confirmed after the same time. Every line that is not physical is in one of them."""
    groups: dict[tuple[FulfilmentKind, int | None], list[SuppliedLine]] = {}
    for line in lines:
        if line.kind is not ProductKind.PHYSICAL:
            groups.setdefault(_group_of(line), []).append(line)
    return tuple(_part(kind, groups[kind, days]) for kind, days in sorted(groups, key=_place))


def _group_of(line: SuppliedLine) -> tuple[FulfilmentKind, int | None]:
    if line.kind is ProductKind.MADE_TO_ORDER:
        return FulfilmentKind.PRODUCTION, None
    if line.delivered_by is DeliveredBy.CODE:
        return FulfilmentKind.CODES, None
    return FulfilmentKind.SERVICE, line.confirmed_after_days


def _place(group: tuple[FulfilmentKind, int | None]) -> tuple[int, bool, int]:
    kind, days = group
    return list(FulfilmentKind).index(kind), days is None, days or 0


def _part(kind: FulfilmentKind, lines: Sequence[SuppliedLine]) -> UnstockedPart:
    made = kind is FulfilmentKind.PRODUCTION
    days = max(line.lead_time_days or 1 for line in lines) if made else None
    return UnstockedPart(kind, tuple(line.shared for line in lines), days)
