"""Things that happen by themselves at a time written in the ledger."""

import asyncio
import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

# Neighbours in time share one transaction.
_GRAIN_S = 0.02


class Alarm:
    """Calls `act(now)` when the earliest `due()` (seconds since the epoch, None for nothing) has come."""

    def __init__(self, due: Callable[[], float | None], callback: Callable[[float], None]) -> None:
        self._due, self._callback = due, callback
        self._changed = asyncio.Event()
        self._waits_until = 0.0

    def expect(self, at: float) -> None:
        """Something new is due at that time."""
        if at < self._waits_until:
            self._changed.set()

    async def run(self) -> None:
        """Work until cancelled; what fails is tried again, because nobody else would."""
        while True:
            try:
                self._fire_if_due()
            except Exception:
                logger.exception("a due action failed; trying again")
                self._waits_until = time.time() + 1.0
            await self._wait()

    def _fire_if_due(self) -> None:
        due = self._due()
        if due is not None and due <= time.time():
            self._callback(time.time())
            due = self._due()
        self._waits_until = float("inf") if due is None else due

    async def _wait(self) -> None:
        self._changed.clear()
        delay_s = max(self._waits_until - time.time(), _GRAIN_S)
        try:
            await asyncio.wait_for(self._changed.wait(), None if delay_s == float("inf") else delay_s)
        except TimeoutError:
            return
