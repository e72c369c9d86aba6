"""What the run does to the stock, unit by unit, and the balance of each warehouse that follows from it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Place = tuple[str, str]


class Movement(StrEnum):
    """Why units are there, or no longer there."""

    OPENING = "opening"
    RECEIVED = "received"
    ADJUSTED = "adjusted"
    TRANSFERRED = "transferred"
    SHIPPED = "shipped"
    RETURNED = "returned"


@dataclass(frozen=True, slots=True)
class WarehouseBalance:
    """Units of all SKUs of the run at one warehouse: what the movements add up to, and what the API answers."""

    warehouse: str
    movements: Mapping[Movement, int]
    on_hand: int
    reserved: int

    @property
    def balanced(self) -> bool:
        return self.on_hand == sum(self.movements.values())

    def as_json(self) -> dict[str, str | int | bool]:
        units = {movement.value: self.movements[movement] for movement in Movement}
        levels = {"on_hand": self.on_hand, "reserved": self.reserved, "balanced": self.balanced}
        return {"warehouse": self.warehouse, **units, **levels}


@dataclass
class StockLedger:
    """Movements at each (SKU, warehouse). `ignored` are SKUs that orders of an earlier run still hold, so that their
    levels depend on more than this run."""

    ignored: set[str] = field(default_factory=set)
    _units: dict[Place, Counter[Movement]] = field(default_factory=dict)

    def add(self, movement: Movement, sku: str, warehouse: str, units: int) -> None:
        """Units that come are positive, those that leave are negative."""
        self._units.setdefault((sku, warehouse), Counter())[movement] += units

    def places(self) -> Iterator[tuple[Place, Counter[Movement]]]:
        """Every place whose level follows from this run alone."""
        return ((place, units) for place, units in self._units.items() if place[0] not in self.ignored)

    def expected(self, place: Place) -> int:
        """Units that the movements leave there."""
        return self._units[place].total()

    def balances(self, levels: Mapping[Place, tuple[int, int]]) -> list[WarehouseBalance]:
        """The balance of each warehouse; `levels` is {(SKU, warehouse): (on hand, reserved)}."""
        movements: dict[str, Counter[Movement]] = {}
        held: dict[str, list[tuple[int, int]]] = {}
        for place, units in self.places():
            movements.setdefault(place[1], Counter()).update(units)
            held.setdefault(place[1], []).append(levels.get(place, (0, 0)))
        return [
            WarehouseBalance(warehouse, movements[warehouse], *(sum(column) for column in zip(*rows, strict=True)))
            for warehouse, rows in sorted(held.items())
        ]
