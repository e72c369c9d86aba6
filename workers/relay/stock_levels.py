"""Notes how many units each channel can sell, when the number has changed: the webhook sender sends it."""

import asyncio
import time
from dataclasses import dataclass

from infra.db.engine import Connection, Database
from infra.db.webhooks import level_changes

# A product that sells quickly is noted so often at most.
POLL_S, BUSY_S = 1.0, 0.05
MOVEMENTS_AT_ONCE, SKUS_AT_ONCE = 20_000, 1_000
# What changes a level without a movement, as the safety stock, is found by looking at every product.
LOOK_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Watched:
    """All movements up to this one are visible once none of these transactions is open."""

    movement_id: int
    writers: frozenset[str]


class StockLevels:
    """One per relay. Sets `fresh` when there is something to send.

    Movements commit in another order than that of their ids. Visible ones are noted at once; the cursor passes only
    those before which no open transaction can have one, so that none is skipped. Reading one twice changes nothing.
    """

    def __init__(self, database: Database, fresh: asyncio.Event) -> None:
        self._database = database
        self._fresh = fresh
        self._watched: _Watched | None = None
        self._version: str | None = None
        self._looked_at: str | None = None
        self._look_after = float("-inf")

    async def step(self) -> bool:
        """Note what moved, and look at some other products; True while there are more of either."""
        async with self._database.begin() as connection:
            known = await level_changes.subscriptions(connection)
            cursor = await level_changes.lock_cursor(connection) if known.wanted else None
            if cursor is None:
                return False
            more, noted = await self._note_moved(connection, cursor)
            looked_at, some = await self._look(connection, known.version)
        # Only what is committed counts: after an error the same products are looked at again.
        self._version, self._looked_at = known.version, looked_at
        if looked_at is None and some is not None:
            self._look_after = time.monotonic() + LOOK_EVERY_S
        if noted or some:
            self._fresh.set()
        return more or looked_at is not None

    async def _note_moved(self, connection: Connection, cursor: int) -> tuple[bool, int]:
        """Whether there are further movements, and how many levels are to be sent."""
        settled = await self._settled(connection, cursor)
        skus = await level_changes.moved(connection, cursor, MOVEMENTS_AT_ONCE)
        noted = 0
        for first in range(0, len(skus), SKUS_AT_ONCE):
            noted += await level_changes.note(connection, skus[first : first + SKUS_AT_ONCE])
        until = min(settled, cursor + MOVEMENTS_AT_ONCE)
        if until > cursor:
            await level_changes.advance(connection, until)
        return until == cursor + MOVEMENTS_AT_ONCE, noted

    async def _settled(self, connection: Connection, cursor: int) -> int:
        """Up to which movement all are visible to the next statement.

        The newest is read before the writers: who had an earlier id is among them, or is visible.
        """
        newest = await level_changes.newest_movement(connection)
        writers = await level_changes.writers(connection)
        if not writers:
            self._watched = None
            return newest
        settled = cursor
        if self._watched is not None and not self._watched.writers & writers:
            settled, self._watched = self._watched.movement_id, None
        if self._watched is None:
            self._watched = _Watched(newest, writers)
        return settled

    async def _look(self, connection: Connection, version: str) -> tuple[str | None, int | None]:
        """Where to look next, None at the end; how many levels are to be sent, None when it is not time."""
        after = self._looked_at
        if version != self._version or (after is None and time.monotonic() >= self._look_after):
            after = ""
        if after is None:
            return None, None
        skus = await level_changes.next_skus(connection, after, SKUS_AT_ONCE)
        noted = await level_changes.note(connection, skus)
        return (skus[-1] if len(skus) == SKUS_AT_ONCE else None), noted
