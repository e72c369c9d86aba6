"""Keeps one process alive: a dead one is started again, later each time that it dies young."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from infra.stack.errors import HopelessError, StackError
from infra.stack.processes.process import START_TIMEOUT_S, Command, put_down, spawn, stop, tail

FIRST_DELAY_S, LONGEST_DELAY_S, STEADY_S = 0.2, 5.0, 10.0
# A start that fails this often in a row is not tried again before anybody has seen the service work.
FIRST_ATTEMPTS = 3
# A restarted process is announced when it is ready, or after this time when it waits for another one.
ANNOUNCE_S = 3.0

log = logging.getLogger(__name__)


# Something that runs and does not answer for so long hangs: it is ended and started again.
ALIVE_EVERY_S, ALIVE_TIMEOUT_S, HANGS_AFTER_S = 2.0, 5.0, 30.0


async def nothing() -> None:
    """Ahead of a start that needs nothing."""


def no_cure(_: str) -> str | None:
    """Whatever ended the process, it is tried again."""
    return None


async def _yes() -> bool:
    return True


class Service:
    """One supervised process.

    command is asked anew at every start; before runs ahead of it and ready after it, ready returning when the process
    does its work; announce is called whenever the process id has changed. alive is asked from then on: no, an error or
    no answer, again and again for hangs_after_s, is a process that hangs, which is treated like one that died. cure is
    given the last line of the log when the process has ended: what a person must do where no further try helps, else
    None.
    """

    def __init__(
        self,
        name: str,
        command: Callable[[], Command],
        ready: Callable[[], Awaitable[None]],
        announce: Callable[[], None],
        before: Callable[[], Awaitable[None]] = nothing,
        alive: Callable[[], Awaitable[bool]] = _yes,
        hangs_after_s: float = HANGS_AFTER_S,
        cure: Callable[[str], str | None] = no_cure,
    ) -> None:
        self.name = name
        self._cure = cure
        self._command, self._before, self._ready, self._announce = command, before, ready, announce
        self._alive, self._hangs_after_s = alive, hangs_after_s
        self._current: tuple[asyncio.subprocess.Process, Command] | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._settled = asyncio.Event()
        self._failures = 0
        self._reason = ""

    @property
    def pid(self) -> int | None:
        """The process's number; None before its first start."""
        return self._current[0].pid if self._current else None

    async def start(self) -> None:
        """Returns when the process is ready; raises StackError when it does not get there."""
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.name}")
        settled = asyncio.create_task(self._settled.wait())
        try:
            waited_for = {self._keeper, settled}
            await asyncio.wait(waited_for, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            settled.cancel()
        if self._settled.is_set():
            return
        if self._keeper.done():
            self._keeper.result()
        raise StackError(f"{self.name} was not ready in {START_TIMEOUT_S:.0f} s{self._end_of_log()}")

    async def stop(self) -> None:
        """Ends the process and no longer restarts it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait({self._keeper})
        if self._current is not None:
            await stop(*self._current)

    async def _keep(self) -> None:
        delay = FIRST_DELAY_S
        while True:
            began = time.monotonic()
            try:
                self._reason = await self._live()
            except HopelessError as error:
                if not self._settled.is_set():
                    raise
                self._reason = str(error)
            except Exception as error:  # whatever keeps it from starting may pass: try again
                log.exception("%s could not be started", self.name)
                self._reason = str(error)
            self._count_failure()
            delay = FIRST_DELAY_S if time.monotonic() - began >= STEADY_S else delay
            log.warning("%s %s; starting it again in %.1f s", self.name, self._reason, delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LONGEST_DELAY_S)

    def _count_failure(self) -> None:
        self._failures += 1
        if not self._settled.is_set() and self._failures >= FIRST_ATTEMPTS:
            raise StackError(f"{self.name} {self._reason}{self._end_of_log()}")

    def _end_of_log(self) -> str:
        if self._current is None:
            return ""
        file = self._current[1].log
        return f"; the end of {file}:\n{tail(file)}"

    async def _live(self) -> str:
        """One life of the process; returns how it ended."""
        await self._before()
        command = self._command()
        process = await spawn(command)
        self._current = (process, command)
        settling = asyncio.create_task(self._settle())
        watching = asyncio.create_task(self._until_it_hangs(settling))
        ending = asyncio.create_task(process.wait())
        try:
            done, _ = await asyncio.wait({settling, ending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if settling in done:
                settling.result()
            await asyncio.wait({ending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                return self._end(command, ending.result())
            await put_down(process, command)
            return f"hung: no answer in {self._hangs_after_s:.0f} s"
        finally:
            for task in (settling, watching, ending):
                task.cancel()

    async def _until_it_hangs(self, settling: asyncio.Task[None]) -> None:
        """Returns when it has not answered for too long, counted from when it was ready or should have been."""
        await asyncio.wait({settling}, timeout=START_TIMEOUT_S)
        answered = time.monotonic()
        while time.monotonic() - answered < self._hangs_after_s:
            since = time.monotonic()
            try:
                if await asyncio.wait_for(self._alive(), ALIVE_TIMEOUT_S):
                    answered = time.monotonic()
            except Exception:
                log.debug("%s does not say that it lives", self.name, exc_info=True)
            await asyncio.sleep(ALIVE_EVERY_S)
            if time.monotonic() - since > 2 * (ALIVE_TIMEOUT_S + ALIVE_EVERY_S):
                answered = time.monotonic()  # it was the supervisor that stood still

    def _end(self, command: Command, code: int) -> str:
        if message := self._cure(tail(command.log, 1)):
            raise HopelessError(message)
        return f"ended with code {code}"

    async def _settle(self) -> None:
        asking = asyncio.create_task(self._query())
        try:
            await asyncio.wait({asking}, timeout=ANNOUNCE_S)
            if not asking.done() and self._settled.is_set():
                self._announce()
            await asking
        finally:
            asking.cancel()
        self._settled.set()
        self._announce()

    async def _query(self) -> None:
        while True:
            try:
                return await self._ready()
            except HopelessError:
                raise
            except Exception:
                log.exception("%s is running, but its readiness check failed; trying again", self.name)
            await asyncio.sleep(1.0)
