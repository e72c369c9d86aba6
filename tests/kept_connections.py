"""Connections to the database of a test module that stay open: to connect takes as much as ten statements."""

import asyncio
import re
import select
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

Connection = psycopg.AsyncConnection[Any]

MOST = 4  # of one address; several statements may run at once
_PLAIN = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", re.IGNORECASE)
_STAYS_IN_THE_SESSION = re.compile(r"set_config|advisory|;\s*\S", re.IGNORECASE)
_idle: dict[str, dict[asyncio.AbstractEventLoop, list[Connection]]] = {}


@contextmanager
def kept(*urls: str) -> Iterator[None]:
    """Connections to these addresses are kept to the end of the block."""
    _idle.update((url, defaultdict(list)) for url in urls)
    try:
        yield
    finally:
        for url in urls:
            for connections in _idle.pop(url).values():
                for connection in connections:
                    connection.pgconn.finish()  # also where the loop that it belongs to is closed


async def run(url: str, statement: str, values: Any = None, *, autocommit: bool = True, rows: Any = tuple_row) -> Any:
    """What one statement finds, over a kept connection, which commits each, if it leaves nothing in the session.

    Any other statement has a connection of its own, with `autocommit`.
    """
    if url in _idle and _PLAIN.match(statement) and not _STAYS_IN_THE_SESSION.search(statement):
        while lent := _living(_idle[url][asyncio.get_running_loop()]):
            with suppress(psycopg.errors.AdminShutdown):  # ended before the statement came to it
                return await _found(url, lent, statement, values, rows)
        # Without prepared statements: a table may have other columns the next time.
        new = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)
        return await _found(url, new, statement, values, rows)
    async with await psycopg.AsyncConnection.connect(url, autocommit=autocommit) as connection:
        return await _executed(connection, statement, values, rows)


async def _found(url: str, connection: Connection, statement: str, values: Any, rows: Any) -> Any:
    try:
        return await _executed(connection, statement, values, rows)
    finally:
        await _give_back(url, connection)


async def _executed(connection: Connection, statement: str, values: Any, rows: Any) -> Any:
    cursor = await connection.cursor(row_factory=rows).execute(statement, values)
    return await cursor.fetchall() if cursor.description else []


def _living(connections: list[Connection]) -> Connection | None:
    """One that the server has not ended: it would have said so."""
    while connections:
        connection = connections.pop()
        heard = select.poll()
        heard.register(connection.pgconn.socket, select.POLLIN)
        if not heard.poll(0):
            return connection
        connection.pgconn.finish()
    return None


async def _give_back(url: str, connection: Connection) -> None:
    there = _idle[url][asyncio.get_running_loop()] if url in _idle else None
    if there is not None and len(there) < MOST and connection.info.transaction_status == TransactionStatus.IDLE:
        there.append(connection)
    else:
        await connection.close()
