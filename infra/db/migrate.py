"""Schema migrations, run by the database's owner while others work with it (docs/deploy.md)."""

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from infra.db.engine import sqlalchemy_url

# No statement waits behind a migration for longer than this; between two attempts the table is free for others. It is
# less than deadlock_timeout (1 s), so in a deadlock the migration gives up first.
LOCK_TIMEOUT_MS, PAUSE_S, PATIENCE_S = 800, 3.0, 600.0
# A lock time-out, or a deadlock: the revision is rolled back and can be repeated.
_PASSING = frozenset({"55P03", "40P01"})
# The server is not reachable, or stopped; the SQL file of a revision goes to the driver directly.
CUT_OFF = (OperationalError, psycopg.OperationalError)
_log = logging.getLogger(__name__)


class Blocked(Exception):
    """Other transactions kept their locks; says how far the migration came."""


def _config(owner_url: str, *, lock_timeout_ms: int = LOCK_TIMEOUT_MS, more: Sequence[Path] = ()) -> Config:
    folder = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", _plain(folder))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(map(_plain, (folder / "versions", *more))))
    config.set_main_option("sqlalchemy.url", _plain(sqlalchemy_url(owner_url)))
    config.attributes["lock_timeout"] = str(lock_timeout_ms)
    return config


def _plain(value: object) -> str:
    return str(value).replace("%", "%%")


def upgrade(
    owner_url: str,
    to: str = "head",
    *,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    pause_s: float = PAUSE_S,
    patience_s: float = PATIENCE_S,
    more: Sequence[Path] = (),
) -> None:
    """Bring the schema at `owner_url` to the newest revision; nothing to do is fine. `more` are folders of revisions.

    A revision that does not get a lock in `lock_timeout_ms` is tried again, until `patience_s` are over. Raises
    WrongRoles, Blocked.
    """
    config = _config(owner_url, lock_timeout_ms=lock_timeout_ms, more=more)
    end_s = time.monotonic() + patience_s
    while True:
        try:
            return command.upgrade(config, to)
        except (psycopg.Error, DBAPIError) as error:  # a file of SQL runs past the adapters
            if getattr(getattr(error, "orig", error), "sqlstate", None) not in _PASSING:
                raise
        there, _ = state(owner_url)
        if time.monotonic() >= end_s:
            raise Blocked(f"at {there}: other transactions kept their locks for {patience_s:.0f} s; run it again")
        _log.warning("the revision after %s did not get its locks; trying again in %.0f s", there, pause_s)
        time.sleep(pause_s)


def had_begun(error: BaseException) -> bool:
    """Whether `error`, one of CUT_OFF, ended a migration that had begun."""
    return isinstance(error, psycopg.OperationalError) or bool(getattr(error, "connection_invalidated", False))


def state(owner_url: str) -> tuple[str | None, str | None]:
    """(revision in the database, newest revision known to the code)."""
    head = ScriptDirectory.from_config(_config(owner_url)).get_current_head()
    engine = create_engine(sqlalchemy_url(owner_url))
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision(), head
    finally:
        engine.dispose()
