"""Why an order ships from where it does."""

from dataclasses import dataclass
from datetime import UTC, datetime

from api.authorization import visible_order
from api.dependencies import Services
from domain.access import Principal
from domain.sourcing.decision import ConsideredFields, OverriddenFields, SharedLineFields, ShareFields
from domain.sourcing.derived import derived
from infra.db.sourcing import decisions, network, order_sourcing


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision as it was stored; `derived` where an order that one warehouse ships stored none, `overridden` where
    a person chose the warehouse."""

    decided_at: datetime | None
    profile_version: int
    strategy: str | None
    derived: bool
    chosen: list[ShareFields]
    unallocated: list[SharedLineFields]
    considered: list[ConsideredFields]
    freight_minor: int
    overridden: OverriddenFields | None = None


_NOTHING = Explanation(None, 0, None, False, [], [], [], 0)


async def explanation(services: Services, caller: Principal, order_no: str) -> Explanation:
    """Raises NotFound `order_not_found`."""
    number = (await visible_order(services, caller, order_no)).order_no
    async with services.database.begin() as conn:
        stored = await decisions.newest(conn, number)
        if stored is not None:
            return Explanation(stored.decided_at, stored.version, derived=False, **stored.decision)
        order = await order_sourcing.of_order(conn, number)
        if order.warehouse is None:
            return _NOTHING
        known = await network.of_skus(conn, [], datetime.now(UTC))
    return Explanation(order.reserved_at, 0, derived=True, **derived(order.request(known), order.warehouse).fields())
