"""The pool of connections and the transaction in which each effect happens."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeAlias

from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from infra.db.connection_watch import Watch
from infra.observability.telemetry import instrument_engine
from infra.settings import Settings

# A statement that PostgreSQL itself should have ended by now, when nothing is known of it.
_GRACE_S = 5.0
# The kernel notices a peer that is gone: on a connection that rests within 25 s, on one that sends within 15 s.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
# The same from the other side: a process that stops in the middle of a transaction, or is cut off, must not keep the
# rows that it locked, nor go on reading for nobody.
_SESSION = (
    " -c idle_in_transaction_session_timeout=15s -c client_connection_check_interval=5s"
    " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=15s"
)


# What the layers above hold and hand down; they do not know the library behind it.
Connection: TypeAlias = AsyncConnection


class PoolExhausted(Exception):
    """No connection became free in time; the caller may try again shortly."""


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…` in the form that picks psycopg 3."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def _noted(watch: Watch, context: ExceptionContext) -> None:
    """A server that only reads now is another one's copy: a new connection may find the one that writes."""
    if watch.note(context.original_exception):
        context.is_disconnect = True


class Database:
    """One engine per process; `begin` and `autocommit` are the only ways to a connection."""

    def __init__(self, engine: AsyncEngine, watch: Watch, pool_timeout_s: float) -> None:
        self.engine, self.watch, self.pool_timeout_s = engine, watch, pool_timeout_s

    @classmethod
    def from_settings(cls, settings: Settings) -> "Database":
        """An engine over psycopg with a bounded pool; statements are prepared after a few uses."""
        watch = Watch(
            settings.database_url,
            silence_s=settings.db_silence_s,
            answer_s=settings.db_answer_s,
            give_up_s=settings.db_statement_timeout_s + _GRACE_S,
        )
        engine = create_async_engine(
            sqlalchemy_url(settings.database_url),
            pool_size=settings.db_pool_size,
            max_overflow=0,
            pool_timeout=settings.db_pool_timeout_s,
            pool_pre_ping=False,
            hide_parameters=True,  # personal values must not reach a log through an error's text
            connect_args={
                "options": f"-c statement_timeout={int(settings.db_statement_timeout_s * 1000)}{_SESSION}",
                "connect_timeout": max(2, round(settings.db_answer_s)),
                "prepare_threshold": 2,
                "async_creator_fn": watch.connect,
                **_KEEPALIVE,
            },
        )
        event.listen(engine.sync_engine, "handle_error", partial(_noted, watch))
        instrument_engine(engine.sync_engine)
        return cls(engine, watch, settings.db_pool_timeout_s)

    async def connection(self) -> AsyncConnection:
        """A connection of the pool; the caller closes it.

        Raises PoolExhausted when none is free within the pool's time-out, OperationalError at once while the database
        answers nobody.
        """
        self.watch.require()
        connection = self.engine.connect()
        try:
            await connection.start()
        except PoolTimeout as error:
            raise PoolExhausted from error
        return connection

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        Raises what `connection` raises.
        """
        connection = await self.connection()
        try:
            async with connection.begin():
                yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        """Close every connection."""
        self.watch.close()
        await self.engine.dispose()
