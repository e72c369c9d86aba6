"""Statements that wait at the same time go to the database together: on one connection, in one transaction.

A few connections serve them all. What comes while these are busy waits, and goes together as soon as one is free: it
saves flushes of the log, switches between processes and turns of the event loop (decision 0009). Who comes alone goes
at once, and nothing else changes for them.

All of a group is kept or nothing is. Where anything of it fails, each gets `Apart` and asks again on a connection of
its own: nobody gets another's error, and nobody waits for another's lock longer than `PATIENCE`. Only a time-out of a
statement fails the whole group: the database is too slow, and each statement again would make it slower.

Nobody waits longer for a connection here than for one of the pool.
"""

import asyncio
from collections import deque
from collections.abc import Hashable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass

from psycopg.errors import LockNotAvailable, QueryCanceled
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from infra.db.autocommit import autocommit
from infra.db.driver_types import DriverRow
from infra.db.engine import Database, PoolExhausted
from infra.db.prepared import PreparedStatement, execute_all

CONNECTIONS, MOST = 3, 8
# How long a statement of a group may wait for a lock, as `lock_timeout` takes it.
PATIENCE = "100ms"


class NotGrouped(Exception):
    """The statement is to be asked again on a connection of its own. Nothing of it was kept, unless the answer of the
    database was lost: then its key says so."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    statement: PreparedStatement
    values: Mapping[str, object]
    turn: str
    answer: asyncio.Future[DriverRow]
    until_s: float  # on the loop's clock


class Together:
    """One per process."""

    patience = PATIENCE

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._free = CONNECTIONS
        self._beginning = False  # somebody is about to take what waits
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: set[Hashable] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def one_or_none(
        self, statement: PreparedStatement, values: Mapping[str, object], turn: str = ""
    ) -> DriverRow:
        """The first row, or None. In a group, statements run in the order of `turn`, so that groups lock alike.

        Raises Apart, PoolExhausted, and SQLAlchemy's DBAPIError when the statement failed on its own.
        """
        loop = asyncio.get_running_loop()
        with statement.spanned():
            until_s = loop.time() + self._database.pool_timeout_s
            waiting = _Waiting(statement, values, turn, loop.create_future(), until_s)
            self._waiting.append(waiting)
            self._begin()
            self._arm(loop)
            return await waiting.answer

    @contextmanager
    def holding(self, *marks: Hashable) -> Iterator[bool]:
        """False when another request under way in this process has one of these marks: it must not share a group."""
        if not self._held.isdisjoint(marks):
            yield False
            return
        self._held.update(marks)
        try:
            yield True
        finally:
            self._held.difference_update(marks)

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        if self._free and self._waiting and not self._beginning:
            self._free -= 1
            self._beginning = True
            # Of no request: it outlives them, and must not carry one's trace.
            task = asyncio.get_running_loop().create_task(self._run(), name="orders together", context=Context())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            async with autocommit(self._database) as conn:
                while group := self._take():
                    if not await _answer(conn, group):
                        break
                    # Who was answered may have their next statement ready.
                    self._beginning = True
                    await asyncio.sleep(0)
        except PoolExhausted:
            pass  # who has waited as long is refused by the timer; who came later waits on
        except Exception:  # whatever it is, each meets it again on their own connection
            self._refuse_all()
        finally:
            self._free += 1
            self._beginning = False
            self._begin()

    def _take(self) -> list[_Waiting]:
        """What waits, without those who left."""
        self._beginning = False
        group: list[_Waiting] = []
        while self._waiting and len(group) < MOST:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                group.append(waiting)
        self._begin()  # with what is left
        return sorted(group, key=lambda waiting: waiting.turn)

    def _refuse_all(self) -> None:
        for waiting in self._waiting:
            _fail(waiting, NotGrouped())
        self._waiting.clear()

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for the first in the queue: those behind it have more time."""
        if self._timer is None and self._waiting:
            self._timer = loop.call_at(self._waiting[0].until_s, self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        while self._waiting and self._waiting[0].until_s <= loop.time():
            _fail(self._waiting.popleft(), PoolExhausted())
        self._arm(loop)


async def _answer(conn: AsyncConnection, group: list[_Waiting]) -> bool:
    """Give each their row or their error; False when the connection is not to be used for another group."""
    try:
        rows = await execute_all(conn, [(waiting.statement, waiting.values) for waiting in group])
    except BaseException as error:
        for waiting in group:
            _fail(waiting, _error_of(error, alone=len(group) == 1))
        if not isinstance(error, DBAPIError):
            raise
        return not conn.invalidated
    for waiting, row in zip(group, rows, strict=True):
        if not waiting.answer.done():
            waiting.answer.set_result(row)
    return True


def _fail(waiting: _Waiting, error: BaseException) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)


def _error_of(error: BaseException, *, alone: bool) -> BaseException:
    """The error as one of its group gets it."""
    if not isinstance(error, DBAPIError):
        return NotGrouped()
    if isinstance(error.orig, QueryCanceled):
        return OperationalError(None, None, error.orig)  # one for each: each raises its own
    return error if alone and not isinstance(error.orig, LockNotAvailable) else NotGrouped()
