"""One child process: started through launch.py, stopped within a bound, its output in a log file."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from infra.stack.errors import StackError
from infra.stack.processes import launch

START_TIMEOUT_S = 60.0
PUT_DOWN_S = 10.0
LOG_LIMIT_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class RunAs:
    """Another user for the child; reach are the paths which that user must be able to read."""

    uid: int
    gid: int
    reach: tuple[Path, ...]


@dataclass(frozen=True)
class Command:
    """How to start and stop one program; death_signal is what it gets when the supervisor is killed."""

    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stop_signal: int = signal.SIGTERM
    stop_timeout_s: float = 10.0
    death_signal: int = signal.SIGKILL
    run_as: RunAs | None = None


def rotate(log: Path) -> None:
    """Sets a log aside when it has grown past the limit; one older one is kept."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_name(log.name + ".1"))


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for an error message."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            return b"\n".join(file.read().splitlines()[-lines:]).decode(errors="replace")
    except OSError:
        return ""


def _launcher(command: Command) -> list[str]:
    user = command.run_as
    order = {
        "parent": os.getpid(),
        "death_signal": int(command.death_signal),
        "uid": user.uid if user else None,
        "gid": user.gid if user else None,
        "reach": [str(path) for path in user.reach] if user else [],
        "argv": list(command.argv),
    }
    return [sys.executable, "-I", "-S", launch.__file__, json.dumps(order)]


async def spawn(command: Command) -> asyncio.subprocess.Process:
    """Starts the program in a session of its own, so that Ctrl-C in a terminal reaches the supervisor alone."""
    rotate(command.log)
    handle = os.open(command.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return await asyncio.create_subprocess_exec(
            *_launcher(command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            env=dict(command.env),
            start_new_session=True,
        )
    finally:
        os.close(handle)


async def stop(process: asyncio.subprocess.Process, command: Command) -> None:
    """Asks the program to end, waits stop_timeout_s, then kills it."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(command.stop_signal)
        process.send_signal(signal.SIGCONT)  # a suspended process does not receive the first one
    try:
        await asyncio.wait_for(process.wait(), command.stop_timeout_s)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def put_down(process: asyncio.subprocess.Process, command: Command) -> None:
    """Ends a program that hangs, by the signal that it would get if its supervisor died, in the end by SIGKILL."""
    abrupt = replace(command, stop_signal=command.death_signal, stop_timeout_s=PUT_DOWN_S)
    await stop(process, abrupt)


@contextlib.asynccontextmanager
async def standing(command: Command, ready: Callable[[], Awaitable[None]]) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program from the moment it is ready to the end of the block; raises StackError when it dies or hangs before."""
    process = await spawn(command)
    try:
        await ready_or_dead(process, command, ready)
        yield process
    finally:
        await stop(process, command)


async def ready_or_dead(
    process: asyncio.subprocess.Process, command: Command, ready: Callable[[], Awaitable[None]]
) -> None:
    """Waits until it is ready; raises StackError with the end of its log when it ends first or takes a minute."""
    dead, live = asyncio.ensure_future(process.wait()), asyncio.ensure_future(ready())
    try:
        await asyncio.wait({dead, live}, timeout=START_TIMEOUT_S, return_when=asyncio.FIRST_COMPLETED)
        if live.done():
            return live.result()
        what = f"ended with code {dead.result()}" if dead.done() else f"was not ready in {START_TIMEOUT_S:.0f} s"
        raise StackError(f"{Path(command.argv[0]).name} {what}; the end of {command.log}:\n{tail(command.log)}")
    finally:
        dead.cancel()
        live.cancel()
