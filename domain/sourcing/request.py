"""What sourcing is asked: the lines of an order, where to, out of which stock, and what the customer prefers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.sourcing.places import Destination, Warehouse


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order that is to be sent."""

    line_no: int
    sku: str
    quantity: int
    weight_g: int = 0
    category: str | None = None


@dataclass(frozen=True, slots=True)
class Preferences:
    """How the order is to be sent.

    `ship_complete`: everything or nothing. `max_fulfilments`: at most so many parts, more only where fewer cannot send
    it; None leaves it to the profile.
    """

    ship_complete: bool = False
    max_fulfilments: int | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """The warehouses and what they have: `available` is {(warehouse, sku): units}."""

    warehouses: tuple[Warehouse, ...]
    available: Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class SourcingRequest:
    """Everything that a decision depends on, beside the profile. `channel` and `customer_group` select the strategy."""

    lines: tuple[Line, ...]
    network: Network
    destination: Destination
    preferences: Preferences = field(default_factory=Preferences)
    channel: str = ""
    customer_group: str = ""

    def demand(self) -> dict[str, int]:
        """Units for each SKU, in order of SKU: lines of one SKU are summed before stock is looked at."""
        wanted: dict[str, int] = {}
        for line in self.lines:
            wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
        return dict(sorted((sku, quantity) for sku, quantity in wanted.items() if quantity > 0))
