"""Units that are on their way to a warehouse."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class ExpectedUnits:
    """Units of a product that are expected at a warehouse on a day."""

    sku: str
    warehouse: str
    quantity: int
    expected_on: date
