"""What the processes without HTTP of their own have in common: a beginning, signals, and an end with the code meant."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import uvloop

from infra.observability import telemetry
from infra.settings import Settings, settings
from infra.system.watchdog import PULSE

FAILED = 1
_log = logging.getLogger(__name__)


def run(service: str, serve: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> NoReturn:
    """Run `serve(settings, event)` until it returns; SIGTERM and SIGINT set the event. Does not return.

    The exit code is 0, or 1 when `serve` raised or the process hung, so that a supervisor starts it again.
    """
    telemetry.setup(service, settings())
    PULSE.guard()
    code = 0
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signalled(serve))
    except Exception:
        _log.exception("%s ends", service)
        code = FAILED
    end(code)


def end(code: int) -> NoReturn:
    """End at once. Unwinding the interpreter after a Temporal worker may crash and change the code."""
    telemetry.flush()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


async def _until_signalled(serve: Callable[[Settings, asyncio.Event], Awaitable[None]]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    await serve(settings(), stopping)


async def unless(stopping: asyncio.Event, work: Awaitable[object]) -> bool:
    """Await `work`, or give it up when `stopping` is set first. True when it came to its end; raises what it raised."""
    doing = asyncio.ensure_future(work)
    stop = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({doing, stop}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
            return True
        return False
    finally:
        stop.cancel()
        if not doing.done():
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
