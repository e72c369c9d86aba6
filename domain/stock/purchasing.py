"""Purchase orders: what was ordered from a supplier, and what of it may still arrive."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from domain.errors import Conflict, RuleBroken


class PurchaseOrderStatus(StrEnum):
    """`received`: nothing more is expected."""

    OPEN = "open"
    RECEIVED = "received"
    CANCELLED = "cancelled"


class ArrivalSource(StrEnum):
    """What units come with."""

    PURCHASE_ORDER = "purchase_order"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """A SKU of a purchase order. `over_percent` of the quantity may arrive beyond it; `open` units are incoming."""

    sku: str
    quantity: int
    received: int
    over_percent: int
    cancelled: bool
    open: int

    @property
    def acceptable(self) -> int:
        """Units that may still be received."""
        return self.quantity + self.quantity * self.over_percent // 100 - self.received


@dataclass(frozen=True, slots=True)
class Arrival:
    """Units that are expected at a warehouse on a day; `reference` is the purchase order's or the transfer's."""

    sku: str
    warehouse: str
    quantity: int
    expected_on: date
    source: ArrivalSource
    reference: str


def require_receivable(status: PurchaseOrderStatus, lines: list[PurchaseLine], sku: str, quantity: int) -> None:
    """Raises Conflict `purchase_order_closed`, `over_delivery`; RuleBroken `not_in_purchase_order`."""
    if status is PurchaseOrderStatus.CANCELLED:
        raise Conflict("purchase_order_closed")
    line = next((one for one in lines if one.sku == sku and not one.cancelled), None)
    if line is None:
        raise RuleBroken("not_in_purchase_order", "{sku} is not in this purchase order", sku=sku)
    if quantity > line.acceptable:
        detail = "of {sku} {left} units may still be received: change the purchase order if more was ordered"
        raise Conflict("over_delivery", detail, sku=sku, left=max(line.acceptable, 0))
