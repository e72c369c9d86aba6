"""An order that no warehouse can ship alone: what is read to decide who ships what, and whether that still holds.

The decision itself is made outside of any transaction, as it searches.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.decision import Share, SourcingDecision
from domain.sourcing.profile import Profile
from domain.sourcing.request import Line, Network, Preferences, SourcingRequest
from infra.db.sourcing import network, order_sourcing, profiles


class PlanNeeded(Exception):
    """No warehouse can ship the order alone, and there is no plan for the order as it is now."""


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Who ships what, decided for `request` by a version of the profile; 0 is the default profile. `promised_to`: when
    the part of each warehouse arrives at the latest."""

    request: SourcingRequest
    decision: SourcingDecision
    version: int
    promised_to: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def shares(self) -> tuple[Share, ...]:
        """Empty where the warehouses cannot ship all of it, or only in too many parts."""
        most = self.request.preferences.max_fulfilments
        shares = self.decision.shares
        return () if self.decision.unallocated or (most is not None and len(shares) > most) else shares

    @property
    def first_parts(self) -> tuple[Share, ...]:
        """What can be sent now of an order whose customer does not want all of it together."""
        if self.request.preferences.ship_complete:
            return ()
        return self.decision.shares[: self.request.preferences.max_fulfilments]


async def inputs_of(
    conn: AsyncConnection, order_no: str, most: int, *, lines: Sequence[Line] | None = None
) -> tuple[SourcingRequest, Profile]:
    """What sourcing is asked about the order, or about these lines of it, and the profile in force. It ships in at most
    `most` parts, unless its channel has a limit of its own."""
    profile = await profiles.active(conn)
    order = await order_sourcing.of_order(conn, order_no)
    wanted = order.lines if lines is None else tuple(lines)
    skus = sorted({line.sku for line in wanted})
    now, loads = datetime.now(UTC), profile.judges_by_load
    known = await network.of_skus(conn, skus, now, channel=order.channel, with_loads=loads)
    if not profile.version:
        # The default profile knows neither capacity nor buffers.
        plain = tuple(replace(one, capacity_left=None, buffer=0) for one in known.warehouses)
        known = Network(plain, known.available)
    preferences = Preferences(
        ship_complete=order.ship_complete or lines is not None, max_fulfilments=order.max_fulfilments or most
    )
    return order.request(known, wanted, preferences), profile


async def is_current(conn: AsyncConnection, order_no: str, plan: SplitPlan) -> bool:
    """True while the order, which is locked, has the lines and the destination of the plan."""
    order = await order_sourcing.of_order(conn, order_no)
    return (order.lines, order.destination) == (plan.request.lines, plan.request.destination)


async def has_more(conn: AsyncConnection, plan: SplitPlan) -> bool:
    """True where a warehouse has more units now than the plan knew of."""
    skus = sorted(plan.request.demand())
    then, now = plan.request.network.available, await network.of_skus(conn, skus, datetime.now(UTC))
    return any(units > then.get(at, 0) for at, units in now.available.items())
