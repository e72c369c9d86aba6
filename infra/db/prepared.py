"""A statement that goes straight to the driver, for the front door's busiest call.

SQLAlchemy's part of an execution costs more processor time there than the rest of the request's own work (decision
0009). The connection is still the pool's, and failures come out as SQLAlchemy's, so callers see no difference.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.autocommit import driver_of
from infra.db.connection_watch import Watched
from infra.db.driver_types import DriverConnection, DriverCursor, DriverRow
from infra.observability.telemetry import span

_BIND = re.compile(r"(?<![:\w]):(\w+)")


class PreparedStatement:
    """A fixed statement with `:name` parameters, translated and prepared once."""

    def __init__(self, name: str, statement: str) -> None:
        self._name = name
        self.sql = _BIND.sub(r"%(\1)s", statement)

    def spanned(self) -> AbstractContextManager[None]:
        """The span of one execution."""
        return span(self._name)

    async def one_or_none(self, conn: AsyncConnection, values: Mapping[str, object]) -> DriverRow:
        """The first row, or None. Raises SQLAlchemy's DBAPIError and its kinds."""
        with self.spanned():
            return (await execute_all(conn, [(self, values)]))[0]


async def execute_all(
    conn: AsyncConnection, calls: Sequence[tuple[PreparedStatement, Mapping[str, object]]]
) -> list[DriverRow]:
    """The first row of each, or None; several go in one message and are, on a connection in autocommit, one
    transaction: what the first that fails raises undoes all. Raises SQLAlchemy's DBAPIError and its kinds."""
    driver = driver_of(conn)
    cursors = [driver.cursor(row_factory=namedtuple_row) for _ in calls]
    try:
        if len(calls) == 1:
            (statement, values), cursor = calls[0], cursors[0]
            await cursor.execute(statement.sql, values, prepare=True)
        else:
            await _pipelined(driver, cursors, calls)
        return [await cursor.fetchone() for cursor in cursors]
    except psycopg.Error as error:
        raise await _translated(conn, error) from None


async def _pipelined(
    driver: DriverConnection,
    cursors: Sequence[DriverCursor],
    calls: Sequence[tuple[PreparedStatement, Mapping[str, object]]],
) -> None:
    failed: psycopg.Error | None = None
    try:
        async with driver.pipeline():
            try:
                for cursor, (statement, values) in zip(cursors, calls, strict=True):
                    await cursor.execute(statement.sql, values, prepare=True)
            except psycopg.Error as error:  # inside, or the driver logs what follows from it
                failed = error
    except psycopg.Error as error:
        failed = failed or error
    if failed is not None:
        raise failed


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
