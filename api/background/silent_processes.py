"""The relay looks for processes that fell silent; while it is silent itself, the API does."""

import asyncio
import logging
from functools import partial

from domain.alerts import Kind
from infra.db.alerts import alerts, system_rules
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.system import processes
from infra.settings import Settings

_BY_API = {Kind.PROCESS_SILENT: partial(system_rules.process_silent, judge="api")}
_log = logging.getLogger(__name__)


class SilentProcesses:
    """Looks as often as a process says that it lives. What is found stands among the notices; a relay brings it on."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database, self._settings = database, settings
        self._relay_lives = True
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._task = asyncio.create_task(self._keep_polling(), name="silent processes")

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def poll(self) -> None:
        """Judge once, where no relay does."""
        async with self._database.begin() as conn:
            lives = await processes.living(conn, "relay") > 0
            if not lives:
                await alerts.poll(conn, self._settings, _BY_API)
        if self._relay_lives and not lives:
            _log.error("no relay is running: messages, alerts and webhooks are delayed")
        self._relay_lives = lives

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(processes.BEAT_S)
            try:
                await self.poll()
            except UNREACHABLE as error:
                _log.warning("the check for silent processes failed", extra={"error": type(error).__name__})
