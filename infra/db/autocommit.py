"""Connections for work that is a single statement: it is its own transaction, so BEGIN and COMMIT are saved."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.engine import Database


@asynccontextmanager
async def autocommit(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection on which each statement commits separately. Raises what `Database.connection` raises.

    The driver is switched directly, which is a flag on our side: SQLAlchemy's isolation_level costs as much as a
    statement at every checkout.
    """
    connection = await database.connection()
    driver = driver_of(connection)
    try:
        await driver.set_autocommit(True)
        yield connection
    finally:
        await _give_back(connection, driver)


def driver_of(connection: AsyncConnection) -> psycopg.AsyncConnection:
    """The psycopg connection behind a started connection of the pool."""
    assert connection.sync_connection is not None
    driver = connection.sync_connection.connection.driver_connection
    assert isinstance(driver, psycopg.AsyncConnection)
    return driver


async def _give_back(connection: AsyncConnection, driver: psycopg.AsyncConnection) -> None:
    """Back into the pool as it came, or thrown away when the server is gone or a statement was cut off."""
    try:
        if connection.in_transaction():
            await connection.rollback()
        if not (driver.closed or connection.invalidated):
            await driver.set_autocommit(False)
    except BaseException:
        await connection.invalidate()
        raise
    finally:
        await connection.close()
