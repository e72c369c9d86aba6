"""Finds connections on which no answer comes any more, and a database that answers nobody.

A network may drop a connection without a word, and a server may stand still: whoever waits then waits for ever, and
asyncio's time-outs do not help, because the driver asks the same server to cancel. A long wait alone proves nothing: a
statement may wait for a lock or read much. So whoever waits longer than `silence_s` is looked after over a new
connection, which says whether the server works on that statement. Where it does not, or nobody answers, the socket is
shut on our side: the driver sees a connection that ended, and the pool throws it away.

A statement pays for this with one look at the clock. Connections are looked at by a timer, not one by one.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import TypeVar
from weakref import WeakKeyDictionary, WeakSet

import psycopg
from psycopg.abc import PQGen
from sqlalchemy.exc import OperationalError

from infra.db.driver_types import DriverArgument, DriverConnection
from infra.timeouts import within

_WAIT_INTERVAL_S, _CANCEL_S = 0.1, 2.0
# How a server tells what a connection's other end does. NULL and 'disabled' tell nothing, nor does an answer under way:
# a large one may take its time.
_STATES = """
    SELECT pid, CASE WHEN state IS NULL OR state = 'disabled' OR wait_event = 'ClientWrite' THEN NULL
                     ELSE state IN ('active', 'fastpath function call') AND wait_event_type IS DISTINCT FROM 'Client'
                END AS working
      FROM pg_stat_activity WHERE pid = ANY(%s)
"""
# Ends the other side of connections that were given up, so that what they locked is free at once.
_END = """
    SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE pid = ANY(%s) AND usename = current_user AND state IS DISTINCT FROM 'active'
"""
# Its disk is full, its memory used up, its disk broken, or it only reads: nothing is written until somebody acts.
READ_ONLY = "25006"
CANNOT_WRITE = frozenset({"53100", "53200", "58030", READ_ONLY})
_SILENT = "the database does not answer"
# Whether the server works on what each of these backends was asked; None where it does not tell.
Working = Mapping[int, bool | None]
RV = TypeVar("RV")
_log = logging.getLogger(__name__)


class Watched(DriverConnection):
    """A connection that says since when it waits for the server; 0.0 while it does not."""

    watch: "Watch"
    waits_since_s: float = 0.0

    async def wait(self, gen: PQGen[RV], interval: float = _WAIT_INTERVAL_S, timeout: float | None = None) -> RV:
        self.waits_since_s = monotonic()
        try:
            answer = await super().wait(gen, interval, timeout)
        finally:
            self.waits_since_s = 0.0
        self.watch.answers += 1
        return answer

    async def _try_cancel(self, *, timeout: float = _CANCEL_S) -> None:
        # A frozen server cancels nothing.
        if not self.watch.frozen:
            await super()._try_cancel(timeout=min(timeout, _CANCEL_S))


class Watch:
    """One per engine. `frozen` is True while the database answers nobody: then nothing new is asked of it.

    `cannot_write` is True once it said that it cannot write, until somebody has found that it can.
    """

    def __init__(self, conninfo: str, *, silence_s: float, answer_s: float, give_up_s: float) -> None:
        self.frozen = self.cannot_write = False
        self.answers = 0
        # libpq takes whole seconds, two at least; the exact limit is ours.
        self._conninfo = psycopg.conninfo.make_conninfo(conninfo, connect_timeout=max(2, round(answer_s)))
        self._silence_s, self._answer_s, self._give_up_s = silence_s, answer_s, give_up_s
        self._connecting: set[asyncio.Future[Watched]] = set()
        self._connections: WeakSet[Watched] = WeakSet()
        # The wait in which a connection was found without a statement once, and when it was last found at work.
        self._suspect: WeakKeyDictionary[Watched, float] = WeakKeyDictionary()
        self._working_s: WeakKeyDictionary[Watched, float] = WeakKeyDictionary()
        self._timer: asyncio.TimerHandle | None = None
        self._checking: asyncio.Task[None] | None = None

    async def connect(self, *args: DriverArgument, **kwargs: DriverArgument) -> Watched:
        """A new connection under this watch."""
        self.require()
        self._arm()
        connecting = asyncio.ensure_future(Watched.connect(*args, **kwargs))
        self._connecting.add(connecting)
        try:
            connection = await connecting
        except psycopg.errors.ConnectionTimeout:
            self._check_soon([])
            raise
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise psycopg.OperationalError(_SILENT) from None  # nobody is let in: it was given up below
        finally:
            self._connecting.discard(connecting)
        connection.watch = self
        self._connections.add(connection)
        self._arm()
        return connection

    def require(self) -> None:
        """Raises OperationalError, as a lost connection does, while the database answers nobody."""
        if self.frozen:
            raise OperationalError(None, None, psycopg.OperationalError(_SILENT), True)

    def note(self, error: BaseException) -> bool:
        """What the driver raised: it may tell that nothing can be written. True: over this connection never again."""
        sqlstate = getattr(error, "sqlstate", None)
        if sqlstate in CANNOT_WRITE:
            self.cannot_write = True
        return sqlstate == READ_ONLY

    def close(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._checking is not None:
            self._checking.cancel()

    # ── parts ──────────────────────────────────────────────────────────────────────────────────────────────

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._silence_s / 4, self._tick)

    def _tick(self) -> None:
        self._timer = None
        silent = self._silent()
        if self.frozen:
            self._hang_up(silent)
        if silent or self.frozen:
            self._check_soon(silent)
        if self._connections or self.frozen:
            self._arm()

    def _silent(self) -> list[Watched]:
        since_s = monotonic() - self._silence_s
        return [one for one in self._connections if 0.0 < one.waits_since_s <= since_s and not one.closed]

    def _check_soon(self, silent: Sequence[Watched]) -> None:
        if self._checking is None or self._checking.done():
            self._checking = asyncio.create_task(self._check(silent), name="database watch")

    async def _check(self, silent: Sequence[Watched]) -> None:
        waits = {one: one.waits_since_s for one in silent}
        answers, pids = self.answers, [one.pgconn.backend_pid for one in silent]
        backends = await self._query(pids)
        if backends is None and answers == self.answers:  # while others are answered, the server is busy, not frozen
            self._note_silence()
            return
        if self.frozen:
            _log.warning("the database answers again")
        self.frozen = False
        backends = backends or dict.fromkeys(pids)
        lost = [one for one, since_s in waits.items() if one.waits_since_s == since_s and self._lost(one, backends)]
        if lost:
            _log.warning("answers of the database are lost; their connections are closed", extra={"count": len(lost)})
            ended = [one.pgconn.backend_pid for one in lost]
            self._hang_up(lost)
            await self._query(ended, _END)
        await asyncio.sleep(self._silence_s / 2)  # the next look is a second opinion

    def _note_silence(self) -> None:
        if not self.frozen:
            _log.error("the database does not answer; waiting calls fail, and no new ones are sent")
        self.frozen = True
        for connecting in self._connecting:
            connecting.cancel()
        self._hang_up(self._silent())
        self._arm()

    def _lost(self, one: Watched, backends: Working) -> bool:
        """Whether no answer will come any more: the server was seen twice without a statement in one and the same wait,
        or tells nothing for longer than it lets a statement run."""
        since_s, working = one.waits_since_s, backends.get(one.pgconn.backend_pid, False)
        if working:
            self._working_s[one] = monotonic()
            self._suspect.pop(one, None)
            return False
        if working is None:
            return monotonic() - max(since_s, self._working_s.get(one, 0.0)) > self._give_up_s
        if self._suspect.get(one) == since_s:
            return True
        self._suspect[one] = since_s
        return False

    def _hang_up(self, silent: Sequence[Watched]) -> None:
        for one in silent:
            hang_up(one)

    async def _query(self, pids: Sequence[int], question: str = _STATES) -> Working | None:
        """What the server says over a new connection; None when no answer came in time."""
        try:
            return await within(self._answer_s, _read_working(self._conninfo, pids, question))
        except TimeoutError:
            return None


async def _read_working(conninfo: str, pids: Sequence[int], question: str) -> Working | None:
    try:
        async with await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None) as conn:
            rows = await (await conn.execute(question, [list(pids)])).fetchall()
            return {**dict.fromkeys(pids, False), **dict(rows)}
    except psycopg.Error:
        # A refusal in the server's own words is an answer, too: all connections taken, still starting.
        reached = await asyncio.to_thread(psycopg.pq.PGconn.ping, conninfo.encode())
        return None if reached == psycopg.pq.Ping.NO_RESPONSE else dict.fromkeys(pids)


def hang_up(connection: DriverConnection) -> None:
    """End a connection on our side: whoever waits on it sees at once that it is over, whatever the network does."""
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.pgconn.socket)) as twin:
        twin.shutdown(socket.SHUT_RDWR)
