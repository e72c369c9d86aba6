"""The interval of background work: short while there is some, longer while there is none; an error does not end it."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

MAX_TROUBLE_S = 2.0
_log = logging.getLogger(__name__)


async def pause(seconds: float, *ends: asyncio.Event) -> None:
    """Wait, but no longer than until one of the events is set."""
    waits = [asyncio.create_task(event.wait()) for event in ends]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def poll_loop(
    name: str,
    step: Callable[[], Awaitable[bool]],
    stopping: asyncio.Event,
    *,
    busy_s: float,
    idle_s: float,
    wake: asyncio.Event | None = None,
) -> None:
    """Run `step` until `stopping`; it returns True when it found something to do.

    The next one follows after `busy_s`; with nothing found the pause doubles up to `idle_s`, and `wake` ends it. An
    exception is logged and the step repeated after a while: what runs here must outlive a database that is away.
    """
    rest_s, troubles = busy_s, 0
    while not stopping.is_set():
        if wake is not None:
            wake.clear()
        try:
            found, troubles = await step(), 0
        except Exception:
            troubles += 1
            _log.warning("%s failed; trying again", name, exc_info=True)
            await pause(random.uniform(0.5, 1.0) * min(MAX_TROUBLE_S, 0.1 * 2.0 ** min(troubles, 10)), stopping)
            continue
        rest_s = busy_s if found else min(2 * rest_s, idle_s)
        await pause(rest_s, *([stopping] if wake is None else [stopping, wake]))


async def run_until_done(tasks: "list[asyncio.Task[None]]", within_s: float) -> None:
    """Wait for `tasks` to end by themselves, then cancel the rest."""
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=within_s)
    for task in late:
        task.cancel()
    for task in late:
        with suppress(asyncio.CancelledError, Exception):
            await task
