"""A profile tried on past orders, beside the one in force."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.sourcing.deciding import decide
from domain.sourcing.decision import SourcingDecision
from domain.sourcing.profile import Profile
from domain.sourcing.request import SourcingRequest

_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order as it was asked for."""

    order_no: str
    request: SourcingRequest


@dataclass(frozen=True, slots=True)
class MovedOrder:
    """An order that would ship from other warehouses."""

    order_no: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What would change. An excluded order is shipped by the profile in force, and by nobody by the other."""

    orders: int
    split_before: int
    split_after: int
    freight_before_minor: int
    freight_after_minor: int
    moved_orders: tuple[MovedOrder, ...]
    excluded_orders: tuple[str, ...]

    @property
    def examples(self) -> tuple[MovedOrder, ...]:
        """Some of those that would move."""
        return self.moved_orders[:_EXAMPLES]

    @property
    def excluded_examples(self) -> tuple[str, ...]:
        """Some of those that nobody would ship."""
        return self.excluded_orders[:_EXAMPLES]


def compared(orders: Sequence[PastOrder], now: Profile, then: Profile) -> Comparison:
    """Decide each order by both; the freight of both is by the rates of `then`."""
    priced = replace(now, rates=then.rates)
    pairs = [(one.order_no, decide(one.request, priced), decide(one.request, then)) for one in orders]
    return Comparison(
        len(pairs),
        sum(len(before.shares) > 1 for _, before, _ in pairs),
        sum(len(after.shares) > 1 for _, _, after in pairs),
        sum(before.freight_minor for _, before, _ in pairs),
        sum(after.freight_minor for _, _, after in pairs),
        tuple(MovedOrder(number, _from(before), _from(after)) for number, before, after in pairs
              if _from(before) != _from(after)),
        tuple(number for number, before, after in pairs if before.shares and not after.shares),
    )  # fmt: skip


def _from(decision: SourcingDecision) -> tuple[str, ...]:
    return tuple(sorted(decision.warehouses))
