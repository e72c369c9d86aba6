"""A statement that goes straight to the driver, for the front door's busiest call.

SQLAlchemy's part of an execution costs more processor time there than the rest of the request's own work (decision
0009). The connection is still the pool's, and failures come out as SQLAlchemy's, so callers see no difference.
"""

import re
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.autocommit import driver_of
from infra.db.watch import Watched
from infra.telemetry import span

_BIND = re.compile(r"(?<![:\w]):(\w+)")


class Direct:
    """A fixed statement with `:name` parameters, translated and prepared once."""

    def __init__(self, name: str, statement: str) -> None:
        self._name = name
        self._sql = _BIND.sub(r"%(\1)s", statement)

    async def one_or_none(self, conn: AsyncConnection, values: Mapping[str, Any]) -> Any:
        """The first row, or None. Raises SQLAlchemy's DBAPIError and its kinds."""
        try:
            with span(self._name):
                async with driver_of(conn).cursor(row_factory=namedtuple_row) as cursor:
                    await cursor.execute(self._sql, values, prepare=True)
                    return await cursor.fetchone()
        except psycopg.Error as error:
            raise await _translated(conn, error) from None


async def _translated(conn: AsyncConnection, error: psycopg.Error) -> DBAPIError:
    driver = driver_of(conn)
    useless = isinstance(driver, Watched) and driver.watch.note(error)
    if useless or driver.closed:
        await conn.invalidate()
    if isinstance(error, psycopg.IntegrityError):
        return IntegrityError(None, None, error)
    if isinstance(error, psycopg.DataError):
        return DataError(None, None, error)
    if isinstance(error, psycopg.OperationalError):
        return OperationalError(None, None, error)
    return DBAPIError(None, None, error)
