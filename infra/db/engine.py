"""The pool of connections and the transaction in which each effect happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from infra.settings import Settings
from infra.telemetry import instrument_engine


class PoolExhausted(Exception):
    """No connection became free in time; the caller may try again shortly."""


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` in the form that picks psycopg 3."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


class Database:
    """One engine per process; `begin` is the only way to a connection."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """An engine over psycopg with a bounded pool; statements are prepared after a few uses."""
        engine = create_async_engine(
            sqlalchemy_url(settings.database_url),
            pool_size=settings.db_pool_size,
            max_overflow=0,
            pool_timeout=settings.db_pool_timeout_s,
            pool_pre_ping=False,
            hide_parameters=True,  # personal values must not reach a log through an error's text
            connect_args={
                # A process that stops in the middle of a transaction must not keep the rows it locked.
                "options": f"-c statement_timeout={int(settings.db_statement_timeout_s * 1000)}"
                " -c idle_in_transaction_session_timeout=15s",
                "connect_timeout": 5,
                "prepare_threshold": 2,
            },
        )
        instrument_engine(engine.sync_engine)
        return cls(engine)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        Raises PoolExhausted when no connection is free within the pool's time-out.
        """
        connection = self.engine.connect()
        try:
            await connection.start()
        except PoolTimeout as error:
            raise PoolExhausted from error
        try:
            async with connection.begin():
                yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()
