"""Who else can send units of an order: those that a picker did not find, or those of a parcel that was lost.

By the default profile, as the customer waits already: neither capacity nor buffers count.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.sourcing.deciding import decide
from domain.sourcing.decision import Share
from domain.sourcing.request import Network, Preferences
from infra.db.sourcing import network, order_sourcing


async def shares_of(
    conn: AsyncConnection, order_no: str, wanted: Mapping[int, int], most: int, without: str | None = None
) -> tuple[Share, ...]:
    """Shares of at most `most` warehouses, those with the most units first; `wanted` is {line_no: units}, `without` a
    warehouse that does not count. They may leave units that no such warehouse has."""
    order = await order_sourcing.of_order(conn, order_no)
    lines = tuple(replace(line, quantity=wanted[line.line_no]) for line in order.lines if line.line_no in wanted)
    known = await network.of_skus(conn, sorted({line.sku for line in lines}), datetime.now(UTC), channel=order.channel)
    able = tuple(
        replace(one, capacity_left=None, buffer=0) for one in known.warehouses if one.code != without
    )  # fmt: skip
    request = order.request(Network(able, known.available), lines, Preferences(max_fulfilments=most))
    shares = sorted(decide(request).shares, key=_units, reverse=True)
    return tuple(shares[:most])


def _units(share: Share) -> int:
    return sum(line.quantity for line in share.lines)
