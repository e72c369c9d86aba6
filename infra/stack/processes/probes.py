"""Asks a process whether it is ready, instead of waiting a while."""

import asyncio
from collections.abc import Awaitable, Callable

INTERVAL_S = 0.05
ATTEMPT_TIMEOUT_S = 2.0


async def until(answers: Callable[[], Awaitable[bool]]) -> None:
    """Asks again and again until the answer is yes; an error or no answer in 2 s is a no. Ends by cancellation only."""
    while True:
        try:
            if await asyncio.wait_for(answers(), ATTEMPT_TIMEOUT_S):
                return
        except Exception:  # noqa: S110 - whatever goes wrong, it is not ready yet
            pass
        await asyncio.sleep(INTERVAL_S)


async def http_ok(host: str, port: int, path: str) -> bool:
    """True when GET answers with status 200."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        status_line = await reader.readline()
        return status_line.split(b" ", 2)[1:2] == [b"200"]
    finally:
        writer.close()


async def tcp_open(host: str, port: int) -> bool:
    """True when something accepts connections there."""
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    return True
