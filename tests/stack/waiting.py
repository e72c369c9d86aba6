"""Waits for what must come true, with a deadline."""

import asyncio
import time
from collections.abc import Callable


async def until(holds: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Asks again and again; fails when it does not hold in time."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)
