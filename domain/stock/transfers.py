"""Transfers between warehouses: requested, shipped, received or cancelled. A test compares the database's guard."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from domain.errors import Conflict, RuleBroken


class TransferStatus(StrEnum):
    """Status of a transfer. What was shipped and has not arrived is in transit: on no level."""

    REQUESTED = "requested"
    SHIPPED = "shipped"
    RECEIVED = "received"
    CANCELLED = "cancelled"


_S = TransferStatus
TRANSFER_TRANSITIONS: Mapping[TransferStatus, frozenset[TransferStatus]] = {
    _S.REQUESTED: frozenset({_S.SHIPPED, _S.CANCELLED}),
    _S.SHIPPED: frozenset({_S.RECEIVED}),
    _S.RECEIVED: frozenset(),
    _S.CANCELLED: frozenset(),
}
OPEN = frozenset({_S.REQUESTED, _S.SHIPPED})


@dataclass(frozen=True, slots=True)
class TransferLine:
    """A SKU of a transfer. `lost` pieces were written off by a case."""

    sku: str
    requested: int
    shipped: int = 0
    received: int = 0
    lost: int = 0

    @property
    def in_transit(self) -> int:
        """Units that left and have not arrived."""
        return self.shipped - self.received - self.lost


def require_next(status: TransferStatus, wanted: TransferStatus) -> None:
    """Raises Conflict `transfer_not_possible`."""
    if wanted not in TRANSFER_TRANSITIONS[status]:
        raise Conflict("transfer_not_possible", "the transfer is {status}: this step is not possible", status=status)


def shipping(lines: list[TransferLine], named: Mapping[str, int]) -> dict[str, int]:
    """Units to ship by SKU: those that are named, all where none is. Raises RuleBroken `not_in_transfer`,
    `more_than_requested`, `nothing_to_ship`."""
    wanted = dict(named) or {line.sku: line.requested for line in lines}
    requested = {line.sku: line.requested for line in lines}
    _require_known(wanted, requested)
    for sku, quantity in wanted.items():
        if quantity > (most := requested[sku]):
            raise RuleBroken("more_than_requested", "of {sku} {left} units are requested", sku=sku, left=most)
    if not any(wanted.values()):
        raise RuleBroken("nothing_to_ship")
    return {sku: quantity for sku, quantity in wanted.items() if quantity}


def receiving(lines: list[TransferLine], named: Mapping[str, int]) -> dict[str, int]:
    """Units that arrived by SKU: those that are named, all in transit where none is. Raises RuleBroken
    `not_in_transfer`, `more_than_shipped`."""
    in_transit = {line.sku: line.in_transit for line in lines}
    arrived = dict(named) or in_transit
    _require_known(arrived, in_transit)
    for sku, quantity in arrived.items():
        if quantity > (most := in_transit[sku]):
            raise RuleBroken("more_than_shipped", "of {sku} {left} units are in transit", sku=sku, left=most)
    return {sku: quantity for sku, quantity in arrived.items() if quantity}


def _require_known(named: Mapping[str, int], known: Mapping[str, int]) -> None:
    for sku in named:
        if sku not in known:
            raise RuleBroken("not_in_transfer", "{sku} is not in this transfer", sku=sku)
