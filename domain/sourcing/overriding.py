"""A person chooses the warehouse of a fulfilment whose parcel is not booked yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import Conflict, NotFound, RuleBroken
from domain.sourcing.decision import OverriddenFields, SharedLineFields, ShareFields


@dataclass(frozen=True, slots=True)
class StandingPart:
    """A fulfilment with what it holds: {sku: units}. `booked`: there is a parcel of it, or one is being booked."""

    fulfilment_id: str
    number: int
    warehouse: str
    booked: bool
    held: Mapping[str, int]
    lines: Sequence[SharedLineFields]

    @property
    def movable(self) -> bool:
        """True while another warehouse can ship it."""
        return bool(self.held) and not self.booked


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """An order with its fulfilments that are not cancelled. `ships`: it is to be shipped, and is not being cancelled;
    `changing`: a change of it waits for its payment."""

    ships: bool
    changing: bool
    parts: tuple[StandingPart, ...]

    def movable(self) -> tuple[StandingPart, ...]:
        """The fulfilments that another warehouse can ship."""
        if self.changing or not self.ships:
            return ()
        return tuple(part for part in self.parts if part.movable)

    def part(self, fulfilment_id: str | None) -> StandingPart:
        """The named fulfilment; without a name, the only one.

        Raises NotFound `fulfilment_not_found`; Conflict `nothing_reserved`, `fulfilment_booked`, `change_in_progress`;
        RuleBroken `fulfilment_unclear`.
        """
        if not self.ships or not self.parts:
            raise Conflict("nothing_reserved")
        if fulfilment_id is None and len(self.parts) > 1:
            raise RuleBroken("fulfilment_unclear")
        named = [part for part in self.parts if fulfilment_id in (None, part.fulfilment_id)]
        if not named:
            raise NotFound("fulfilment_not_found")
        return self._free(named[0])

    def _free(self, part: StandingPart) -> StandingPart:
        if part.booked:
            raise Conflict("fulfilment_booked")
        if not part.held:
            raise Conflict("nothing_reserved")
        if self.changing:
            raise Conflict("change_in_progress")
        return part

    def require_free(self, part: StandingPart, warehouse: str) -> None:
        """Raises Conflict `ships_from_there`. Another part may have the warehouse: each is a parcel of its own."""
        if part.warehouse == warehouse:
            raise Conflict("ships_from_there")

    def shares(self, part: StandingPart, warehouse: str) -> list[ShareFields]:
        """Who ships what, once the part ships from the warehouse."""
        return [
            {"warehouse": warehouse if one is part else one.warehouse, "lines": list(one.lines)} for one in self.parts
        ]


def require_stock(part: StandingPart, available: Mapping[str, int]) -> None:
    """Raises Conflict `stock_short` where the warehouse has less than the fulfilment holds."""
    short = [f"{sku} ({available.get(sku, 0)} of {units})" for sku, units in sorted(part.held.items())
             if available.get(sku, 0) < units]  # fmt: skip
    if short:
        raise Conflict("stock_short", f"the warehouse has less than is needed: {', '.join(short)}")


def overridden(part: StandingPart, warehouse: str, actor: str) -> OverriddenFields:
    """What the stored decision says of it."""
    return {"fulfilment_id": part.fulfilment_id, "from_warehouse": part.warehouse, "to_warehouse": warehouse,
            "by": actor}  # fmt: skip
