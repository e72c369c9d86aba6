"""Who can ship an order, by the sourcing profile in force."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.profile import DEFAULT_RATES, Rates
from domain.sourcing.whole import decide_whole
from infra.db.sourcing import decisions, network, order_sourcing, profiles
from infra.db.stock.reservations import Demand


async def candidates_of(conn: AsyncConnection, order_no: str, demand: Demand, *, splits: bool = False) -> list[str]:
    """Who can ship all of it, best first. Where the order may be split, several warehouses together come before a
    supplier that has everything: then it is left to the plan. While no profile was activated this reads nothing more.
    With one, the answer is the best or nobody, and the decision is kept: one ships all, so nothing is searched within
    the transaction."""
    if not demand.profiled:
        return demand.candidates(own=splits)
    profile = await profiles.active(conn)
    order = await order_sourcing.of_order(conn, order_no)
    skus, now, loads = sorted(demand.wanted), datetime.now(UTC), profile.judges_by_load
    known = await network.of_skus(conn, skus, now, channel=order.channel, with_loads=loads)
    lines = tuple(line for line in order.lines if line.sku in demand.wanted)
    decision = decide_whole(order.request(known, lines), profile, own_first=splits)
    if not decision.shares:
        return []
    await decisions.save_decision(conn, order_no, decision, profile.version)
    return [decision.shares[0].warehouse]


async def rates_of(conn: AsyncConnection, demand: Demand) -> Rates:
    """The rates in force. While no profile was activated this reads nothing more."""
    return (await profiles.active(conn)).rates if demand.profiled else DEFAULT_RATES
