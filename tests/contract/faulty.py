"""A provider that misbehaves in one chosen way, whatever it is asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SECRET_MESSAGE = "refused for Liu De, 13800138000"


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Takes the request and never answers."""
    async with _raw(_never) as base:
        yield base


@asynccontextmanager
async def dripping() -> AsyncIterator[str]:
    """Answers a byte at a time for ever, so that no single read is late."""
    async with _raw(_drip) as base:
        yield base


@asynccontextmanager
async def answering(status: int, body: str, headers: str = "", oauth: bool = False) -> AsyncIterator[str]:
    """Gives the same answer to everything; with `oauth`, grants a token first when asked for one."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if oauth and b"/oauth/token" in head:
            writer.write(_response(200, '{"access_token":"t","expires_in":"3600"}', ""))
        else:
            writer.write(_response(status, body, headers))
        await writer.drain()

    async with _raw(answer) as base:
        yield base


def _response(status: int, body: str, headers: str) -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body.encode())}\r\n"
    return f"{head}{headers}connection: close\r\n\r\n{body}".encode()


async def _never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


async def _drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    while not writer.is_closing():
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@asynccontextmanager
async def _raw(serve) -> AsyncIterator[str]:  # type: ignore[no-untyped-def]
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
