"""Whether orders are accepted, counted in the background, so that placing one needs no additional query."""

import asyncio
import logging
from time import monotonic

from api.background.polling import PollingTask
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.messaging import start_backlog

# A slow count is made less often: it never takes more than a fiftieth of the time of a connection.
POLL_S, REST = 2.0, 50
_log = logging.getLogger(__name__)


class BacklogWatch(PollingTask):
    """Counts the orders that wait to be started, every few seconds. While the database cannot be read, the last count
    applies.

    Orders that are accepted between two counts can exceed the limit: it protects the disk and is not exact.
    """

    name = "backlog"

    def __init__(self, database: Database, limit: int) -> None:
        super().__init__()
        self._database, self._limit = database, limit
        self.full = False

    def start(self) -> None:
        """Start polling; without a limit there is nothing to count."""
        if self._limit:
            super().start()

    async def poll(self) -> None:
        """Count the waiting orders now."""
        async with autocommit(self._database) as conn:
            found = await start_backlog.poll(conn, self._limit)
        full = found.waiting >= self._limit > 0
        if full != self.full:
            message = (
                "no more orders are accepted: too many wait to be started" if full else "orders are accepted again"
            )
            _log.warning(message, extra={"count": found.waiting, "limit": self._limit})
        self.full = full

    async def run(self) -> None:
        while True:
            begun_s = monotonic()
            try:
                await self.poll()
            except UNREACHABLE as error:
                _log.debug("the backlog cannot be read", extra={"error": type(error).__name__})
            await asyncio.sleep(max(POLL_S, REST * (monotonic() - begun_s)))
