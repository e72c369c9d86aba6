"""Counts the demand of each day that is over, and calculates what to order: once a day, and when somebody asks."""

import logging
import time
from datetime import UTC, datetime, timedelta

from domain.replenishment.policy import ReplenishmentRule
from infra.db.audit import actor_context
from infra.db.engine import Connection, Database
from infra.db.replenishment import demand, ordering, runs, suggestions, warnings
from infra.db.replenishment.ordering import OrderRequest
from infra.db.replenishment.runs import OpenRun
from infra.settings import Settings

# Stock-outs are noted by the day: one that is over within the hour has cut off little.
STOCK_OUTS_EVERY_S = 3600.0
BUSY_S, POLL_S = 0.05, 10.0
_log = logging.getLogger(__name__)


class Replenisher:
    """One per relay. A run goes on where it stopped, in this process or another."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._noted_at = float("-inf")

    async def step(self) -> bool:
        """A day, or some pairs of a run; True while there are more."""
        now = datetime.now(UTC)
        await self._note_stock_outs(now)
        return await self._count(now) or await self._calculate(now)

    async def _note_stock_outs(self, now: datetime) -> None:
        if time.monotonic() - self._noted_at >= STOCK_OUTS_EVERY_S:
            async with self._database.begin() as connection:
                await demand.note_stock_outs(connection, now.date())
            self._noted_at = time.monotonic()

    async def _count(self, now: datetime) -> bool:
        async with self._database.begin() as connection:
            day = await demand.uncounted(connection, now)
            if day is not None:
                await demand.count(connection, day)
        return day is not None

    async def _calculate(self, now: datetime) -> bool:
        async with self._database.begin() as connection:
            await runs.request_due(connection, demand.last_day(now) + timedelta(days=1))
            run = await runs.claim(connection)
            if run is None:
                return False
            if not run.calculated:
                await runs.advance(connection, run, ReplenishmentRule())
                return True
            return await self._order(connection, run, now)

    async def _order(self, connection: Connection, run: OpenRun, now: datetime) -> bool:
        """What rules order automatically, one purchase order at a time; then the run is over."""
        wanted = await suggestions.automatic(connection, run.run_id, ordering.MAX_LINES)
        if not wanted:
            await warnings.note(connection, run.run_id)
            await runs.finish(connection, run)
            return False
        await actor_context.set_actor(connection, "", "replenishment")
        request = OrderRequest(
            "system", now.date(), f"run {run.run_id}", self._settings.over_delivery_percent, ReplenishmentRule()
        )
        placed = await ordering.place(connection, request, wanted)
        _log.info("purchase orders placed by rule", extra={"purchase_orders": placed.numbers, "run_id": run.run_id})
        return True
