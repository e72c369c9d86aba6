"""What sourcing answers: who ships what, what nobody ships, and how every warehouse was judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, NotRequired, TypedDict


class SharedLine(NamedTuple):
    """Units of a line."""

    line_no: int
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one warehouse ships."""

    warehouse: str
    lines: tuple[SharedLine, ...]


@dataclass(frozen=True, slots=True)
class Considered:
    """How a warehouse was judged: `score` from 0 to 1, each criterion's score, and what excluded it."""

    warehouse: str
    score: float
    criteria: Mapping[str, float]
    excluded_by: str | None = None


class ConsideredFields(TypedDict):
    """A considered warehouse as the API and the database have it."""

    warehouse: str
    score: float
    criteria: dict[str, float]
    excluded_by: str | None


class SharedLineFields(TypedDict):
    """Units of a line as the API and the database have them."""

    line_no: int
    sku: str
    quantity: int


class ShareFields(TypedDict):
    """A share as the API and the database have it."""

    warehouse: str
    lines: list[SharedLineFields]
    freight_minor: NotRequired[int]


class OverriddenFields(TypedDict):
    """Who chose another warehouse for which fulfilment."""

    fulfilment_id: str
    from_warehouse: str
    to_warehouse: str
    by: str


class DecisionFields(TypedDict):
    """A decision as the API and the database have it; `overridden` where a person chose the warehouse."""

    strategy: str
    chosen: list[ShareFields]
    unallocated: list[SharedLineFields]
    considered: list[ConsideredFields]
    freight_minor: int
    overridden: NotRequired[OverriddenFields]


@dataclass(frozen=True, slots=True)
class SourcingDecision:
    """Equal input gives an equal decision.

    `considered` has the best first and the excluded last. `points` is the cost that was kept as small as possible,
    `freight_minor` the freight by the rates of the profile, `freights_minor` that of each share.
    """

    shares: tuple[Share, ...]
    unallocated: tuple[SharedLine, ...]
    considered: tuple[Considered, ...]
    strategy: str
    points: int = 0
    freight_minor: int = 0
    freights_minor: tuple[int, ...] = ()

    @property
    def warehouses(self) -> tuple[str, ...]:
        """Who ships."""
        return tuple(share.warehouse for share in self.shares)

    def fields(self, considered: int | None = None) -> DecisionFields:
        """The decision to be stored or shown, with at most so many considered warehouses and all that ship."""
        kept = [
            one
            for place, one in enumerate(self.considered)
            if considered is None or place < considered or one.warehouse in self.warehouses
        ]
        return {
            "strategy": self.strategy,
            "chosen": self._chosen(),
            "unallocated": _lines(self.unallocated),
            "considered": [
                {"warehouse": one.warehouse, "score": one.score, "criteria": dict(one.criteria),
                 "excluded_by": one.excluded_by}
                for one in kept
            ],
            "freight_minor": self.freight_minor,
        }  # fmt: skip

    def _chosen(self) -> list[ShareFields]:
        chosen: list[ShareFields] = [
            {"warehouse": share.warehouse, "lines": _lines(share.lines)} for share in self.shares
        ]
        # The default profile knows no rates.
        for share, freight_minor in zip(chosen, self.freights_minor if self.freight_minor else (), strict=False):
            share["freight_minor"] = freight_minor
        return chosen


def _lines(lines: tuple[SharedLine, ...]) -> list[SharedLineFields]:
    return [{"line_no": line.line_no, "sku": line.sku, "quantity": line.quantity} for line in lines]
