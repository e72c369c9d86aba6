"""The heartbeat of a process in the database: other processes notice when it stops."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from infra.db.autocommit import autocommit
from infra.db.engine import Database, PoolExhausted
from infra.db.system import master_keys, processes
from infra.security.crypto import Vault
from infra.settings import Settings
from infra.system import machine
from infra.system.watchdog import PULSE
from infra.timeouts import within

# The last heartbeat must not delay an end that others wait for.
_END_S = 2.0
_PART = "heartbeat"
_log = logging.getLogger(__name__)


class Condition:
    """What keeps a living process from doing its work; None while nothing does. A change is reported at once.

    A master key that is not that of the database comes first.
    """

    def __init__(self, trouble: Mapping[str, Any] | None = None) -> None:
        self._trouble = trouble
        self.other_key: Mapping[str, Any] | None = None
        self.changed = asyncio.Event()

    @property
    def trouble(self) -> Mapping[str, Any] | None:
        """The state of this process: `code`, `detail`, and other facts."""
        return self.other_key or self._trouble

    def set(self, trouble: Mapping[str, Any] | None) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            self.changed.set()

    def lacks(self, keys: Collection[bytes]) -> None:
        """Note which master keys of the database this process does not have; logged when it changes."""
        found = {"code": master_keys.UNKNOWN, "detail": master_keys.problem(keys)} if keys else None
        if found == self.other_key:
            return
        self.other_key = found
        if found:
            _log.error(found["detail"], extra={"code": found["code"]})
        else:
            _log.info("this process has the master keys of the database again")


class Heartbeat:
    """One run of this process. A heartbeat that cannot be written is missing in the database, as intended."""

    def __init__(
        self,
        database: Database,
        name: str,
        settings: Settings,
        beat_s: float = processes.BEAT_S,
        condition: Condition | None = None,
    ) -> None:
        self._database, self._name, self._watched, self._beat_s = database, name, settings.watched_dirs, beat_s
        self._condition = condition or Condition()
        self._key_ids = Vault.from_settings(settings).key_ids
        self._process_id: int | None = None

    async def beat(self) -> None:
        """Write one heartbeat; the first one registers the process."""
        usage = await asyncio.to_thread(machine.usage, self._watched)
        async with autocommit(self._database) as connection:
            # The database may have been restored from a backup since the start.
            self._condition.lacks(await master_keys.lacking(connection, self._key_ids))
            trouble = self._condition.trouble
            if self._process_id is None or not await processes.beat(connection, self._process_id, usage, trouble):
                host = socket.gethostname()
                self._process_id = await processes.begin(connection, self._name, host, os.getpid(), usage, trouble)
        PULSE.written()

    async def run(self) -> None:
        """Write heartbeats until cancelled. An unreachable database does not count as a hang of this process; a pool to
        which no connection returns while no other statement ends does."""
        missed = False
        while True:
            self._condition.changed.clear()
            answers = self._database.watch.answers
            try:
                await self.beat()
                missed = False
                PULSE.beat(_PART)
            except Exception as error:  # Whatever it is: without a heartbeat a living process would count as dead.
                if not missed:
                    _log.warning("a heartbeat could not be written to the database", exc_info=True)
                missed = True
                if not isinstance(error, PoolExhausted) or answers != self._database.watch.answers:
                    PULSE.beat(_PART)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._beat_s):
                    await self._condition.changed.wait()

    async def end(self) -> None:
        """Write that the process ends as intended."""
        if self._process_id is None:
            return
        with suppress(Exception):
            await within(_END_S, self._end(self._process_id))

    async def _end(self, process_id: int) -> None:
        async with autocommit(self._database) as connection:
            await processes.end(connection, process_id)


@asynccontextmanager
async def beating(
    database: Database, name: str, settings: Settings, condition: Condition | None = None
) -> AsyncIterator[None]:
    """Writes heartbeats with the state of the process in the block. A block that raises did not end as intended."""
    heart = Heartbeat(database, name, settings, condition=condition)
    PULSE.beat(_PART)
    task = asyncio.create_task(heart.run(), name="heartbeat")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    await heart.end()
