"""Revoked tokens, polled in the background, so that no request reads them from the database."""

import asyncio
import logging

from api.background.polling import PollingTask
from infra.db.autocommit import autocommit
from infra.db.engine import Database
from infra.db.errors import UNREACHABLE
from infra.db.staff import api_tokens

# How long after `oms token revoke` another process still takes the token, at most.
POLL_S = 1.0
_log = logging.getLogger(__name__)


class RevokedTokens(PollingTask):
    """Reads the database every second. While it cannot be read, the last result applies: no operation succeeds then.
    Before the first read every token is looked up, so a process that has just started accepts no revoked token.
    """

    name = "revoked tokens"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._ids: frozenset[str] | None = None

    async def has(self, token_id: str) -> bool:
        """True for a token that is refused before its time. Raises what `poll` raises, before the first poll."""
        if self._ids is None:
            await self.poll()
        return token_id in (self._ids or ())

    async def poll(self) -> None:
        """Read the revoked tokens now."""
        async with autocommit(self._database) as conn:
            self._ids = await api_tokens.revoked(conn)

    async def run(self) -> None:
        logged = False
        while True:
            try:
                await self.poll()
                logged = False
            except UNREACHABLE as error:
                if not logged:
                    _log.warning("revoked tokens cannot be read", extra={"error": type(error).__name__})
                logged = True
            await asyncio.sleep(POLL_S)
