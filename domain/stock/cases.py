"""Stock cases: a difference that a person clears up, by kind, and how it can end."""

from collections.abc import Mapping
from enum import StrEnum

from domain.errors import RuleBroken


class StockCaseKind(StrEnum):
    """What is wrong."""

    TRANSFER_DIFFERENCE = "transfer_difference"
    TRANSFER_OVERDUE = "transfer_overdue"
    COUNT_SHORT = "count_short"
    CHECK_FAILED = "check_failed"
    SHORT_PICK = "short_pick"
    LOW_STOCK = "low_stock"
    OVERSOLD = "oversold"
    DEAD_STOCK = "dead_stock"
    AGEING_STOCK = "ageing_stock"


class StockCaseState(StrEnum):
    """A case ends once."""

    OPEN = "open"
    RESOLVED = "resolved"


class StockResolution(StrEnum):
    """How a case ends. `found`: the pieces arrived after all; `lost`: they are written off; `not_sent`: they never
    left; `corrected`: the cause is gone."""

    FOUND = "found"
    LOST = "lost"
    NOT_SENT = "not_sent"
    CORRECTED = "corrected"


_R = StockResolution
RESOLUTIONS: Mapping[StockCaseKind, tuple[StockResolution, ...]] = {
    StockCaseKind.TRANSFER_DIFFERENCE: (_R.FOUND, _R.LOST, _R.NOT_SENT),
    StockCaseKind.TRANSFER_OVERDUE: (_R.CORRECTED,),
    StockCaseKind.COUNT_SHORT: (_R.CORRECTED,),
    StockCaseKind.CHECK_FAILED: (_R.CORRECTED,),
    StockCaseKind.SHORT_PICK: (_R.CORRECTED,),
    StockCaseKind.LOW_STOCK: (_R.CORRECTED,),
    StockCaseKind.OVERSOLD: (_R.CORRECTED,),
    StockCaseKind.DEAD_STOCK: (_R.CORRECTED,),
    StockCaseKind.AGEING_STOCK: (_R.CORRECTED,),
}


def require_resolution(kind: StockCaseKind, wanted: StockResolution) -> None:
    """Raises RuleBroken `resolution_not_possible`."""
    if wanted not in RESOLUTIONS[kind]:
        possible = ", ".join(RESOLUTIONS[kind])
        raise RuleBroken("resolution_not_possible", "this case ends with one of {possible}", possible=possible)
