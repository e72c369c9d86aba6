"""Backpressure on starts: orders start only as fast as those before them come to rest.

More open workflows than the worker caches cost a replay for every task; then an overload lasts long after its cause.
"""

from collections.abc import Iterable
from time import monotonic

from infra.db.engine import Connection
from infra.db.orders.state import in_flight
from infra.db.orders.state.in_flight import Standing
from infra.observability.metrics import ORDERS_IN_FLIGHT

# The database is queried at most this often, and only while there is little capacity.
POLL_S = 0.2
# What has not come to rest by then is wedged, or its worker is gone: it holds nobody up any longer.
LONGEST_S = 180.0
CACHE_SHARE = 0.8


class StartThrottle:
    """Counts the orders that this process began. At most `limit` have work ahead; together with those that wait for a
    provider between two tries, which need nothing but their place in the cache, at most four fifths of the cache."""

    def __init__(self, limit: int, cached: int) -> None:
        self._most = int(cached * CACHE_SHARE) if cached else limit
        self._limit = max(min(limit, self._most), 1)
        self._most = max(self._most, self._limit)
        self._begun: dict[str, float] = {}
        self._retrying = 0
        self._looked_at = float("-inf")

    @property
    def room(self) -> int:
        """How many orders may begin now."""
        busy = len(self._begun) - self._retrying
        return max(min(self._limit - busy, self._most - len(self._begun)), 0)

    def began(self, orders: Iterable[str]) -> None:
        """These are handed to Temporal."""
        now = monotonic()
        for order_no in orders:
            self._begun.setdefault(order_no, now)

    def failed(self, order_no: str) -> None:
        """Temporal did not take it."""
        self._begun.pop(order_no, None)

    async def poll(self, connection: Connection, wanted: int) -> None:
        """Query which orders came to rest, if there may be no capacity for `wanted` more orders."""
        now = monotonic()
        if self.room >= min(wanted, self._limit) or now < self._looked_at + POLL_S:
            return
        self._looked_at = now
        found = await in_flight.standing(connection, list(self._begun))
        recent = {one: at for one, at in self._begun.items() if one in found and at > now - LONGEST_S}
        self._begun = recent
        self._retrying = sum(found[one] is Standing.RETRYING for one in recent)
        ORDERS_IN_FLIGHT.set(len(recent))
