"""Calls that read the whole database: one at a time in each process, so that orders keep the connections."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import Request

from api.errors import unavailable


@asynccontextmanager
async def alone(request: Request) -> AsyncIterator[None]:
    """Raises Problem `busy` while another such call runs."""
    lock: asyncio.Lock = request.app.state.check_lock
    if lock.locked():
        raise unavailable("busy", "another consistency check is running; try again when it is done")
    async with lock:
        yield
