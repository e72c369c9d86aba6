"""The relay looks for processes that fell silent; while it is silent itself, the API does."""

import asyncio
import logging
from functools import partial

from api.background.polling import PollingTask
from domain.alerts import Kind
from infra.db.alerts import alerts, system_rules
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.system import processes
from infra.settings import Settings

_BY_API = {Kind.PROCESS_SILENT: partial(system_rules.process_silent, judge="api")}
_log = logging.getLogger(__name__)


class SilentProcesses(PollingTask):
    """Looks as often as a process says that it lives. What is found stands among the notices; a relay brings it on."""

    name = "silent processes"

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__()
        self._database, self._settings = database, settings
        self._relay_lives = True

    async def poll(self) -> None:
        """Judge once, where no relay does."""
        async with self._database.begin() as conn:
            lives = await processes.living(conn, "relay") > 0
            if not lives:
                await alerts.poll(conn, self._settings, _BY_API)
        if self._relay_lives and not lives:
            _log.error("no relay is running: messages, alerts and webhooks are delayed")
        self._relay_lives = lives

    async def run(self) -> None:
        while True:
            await asyncio.sleep(processes.BEAT_S)
            try:
                await self.poll()
            except UNREACHABLE as error:
                _log.warning("the check for silent processes failed", extra={"error": type(error).__name__})
