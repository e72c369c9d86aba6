"""Waiting for orders to move: one statement at a time asks for all that are waited for."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from infra.db.engine import Database, PoolExhausted
from infra.db.errors import DatabaseError
from infra.db.read_models.order_detail import OrderOverview, overviews

logger = logging.getLogger(__name__)

POLL_S = 0.04


@dataclass(eq=False)
class _Waiter:
    order_no: str
    until: Callable[[OrderOverview], bool]
    done: "asyncio.Future[OrderOverview]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class OrderWatcher:
    """Polls the database only while a caller waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiters: set[_Waiter] = set()
        self._task: asyncio.Task[None] | None = None

    async def wait(
        self, order_no: str, until: Callable[[OrderOverview], bool], timeout_s: float
    ) -> OrderOverview | None:
        """The first look at the order that satisfies `until`, or None after `timeout_s` seconds."""
        waiter = _Waiter(order_no, until)
        self._waiters.add(waiter)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter.done
        except TimeoutError:
            return None
        finally:
            self._waiters.discard(waiter)

    async def close(self) -> None:
        """Stop polling."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        while self._waiters:
            try:
                await self._answer_waiting()
            except (DatabaseError, PoolExhausted) as error:
                # A waiting caller is answered at the time-out; the database may be available again before that.
                logger.warning("waiting orders could not be read: %s", type(error).__name__)
            await asyncio.sleep(POLL_S)

    async def _answer_waiting(self) -> None:
        waited: dict[str, Any] = {waiter.order_no: None for waiter in self._waiters}
        async with self._database.begin() as conn:
            found = await overviews(conn, list(waited))
        for waiter in list(self._waiters):
            overview = found.get(waiter.order_no)
            if overview is not None and not waiter.done.done() and waiter.until(overview):
                waiter.done.set_result(overview)
