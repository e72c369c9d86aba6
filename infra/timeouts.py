"""A time-out that does not wait for the end of what it cancels."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The outcome of `work`. Raises TimeoutError when it takes longer.

    asyncio.timeout waits until what it cancelled has ended, which may itself wait for a server that does not answer.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda over: over.cancelled() or over.exception())
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not done:
        raise TimeoutError
    return task.result()
