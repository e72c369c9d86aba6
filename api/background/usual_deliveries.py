"""How long deliveries usually take, read at most once in some minutes by each process for a channel and a country."""

from collections import OrderedDict
from datetime import timedelta
from time import monotonic

from infra.db.engine import Connection
from infra.db.portal import order_summaries

KEPT_S = 600.0
MAX_KEPT = 500


class UsualDeliveries:
    """Kept for KEPT_S, the last MAX_KEPT of them: the page of an open order is loaded every few seconds, and what is
    usual among the last 300 orders hardly changes in between."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], tuple[timedelta | None, float]] = OrderedDict()

    async def read(self, conn: Connection, channel: str, country: str) -> timedelta | None:
        """In what time four of five of the last orders were delivered; None while few were."""
        wanted = (channel, country)
        usual, until = self._kept.get(wanted, (None, 0.0))
        if monotonic() < until:
            return usual
        usual = await order_summaries.usual_delivery(conn, channel, country)
        self._kept[wanted] = (usual, monotonic() + KEPT_S)
        self._kept.move_to_end(wanted)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)
        return usual
