"""Networks and servers that fall silent without a word: a proxy that drops connections, and a frozen PostgreSQL."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil

from infra.stack.processes import leftovers

_CHUNK = 65_536


class Proxy:
    """Passes TCP connections on to one port of this machine, until asked to lose those that there are.

    What is lost stays open on both sides: bytes go nowhere, and nobody is notified.
    """

    def __init__(self) -> None:
        self.port = 0
        self._to_server: set[asyncio.Event] = set()
        self._to_client: set[asyncio.Event] = set()

    def drop(self) -> None:
        """Lose both directions of every connection that there is now; new ones pass."""
        for lost in (*self._to_server, *self._to_client):
            lost.set()

    def drop_answers(self) -> None:
        """Lose what the server says on every connection that there is now; what is sent to it arrives."""
        for lost in self._to_client:
            lost.set()

    async def _serve(self, target: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, asks = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        reported, text = asyncio.Event(), asyncio.Event()
        self._to_server.add(reported)
        self._to_client.add(text)
        try:
            await asyncio.gather(_pass_on(reader, asks, reported), _pass_on(answers, writer, text))
        finally:
            self._to_server.discard(reported)
            self._to_client.discard(text)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, lost: asyncio.Event) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            if not lost.is_set():
                sink.write(chunk)
                await sink.drain()
    if not lost.is_set():
        sink.close()


@contextlib.asynccontextmanager
async def proxied(target: int) -> AsyncIterator[Proxy]:
    """A proxy in front of this port, on a free one."""
    proxy = Proxy()
    serving: set[asyncio.Task[None]] = set()

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(proxy._serve(target, reader, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@contextlib.contextmanager
def frozen(data: Path) -> Iterator[None]:
    """The PostgreSQL server on this data folder, with all of its processes, stands still for the block."""
    stopped: list[psutil.Process] = []
    try:
        # The first one to stand is the one that makes new ones.
        for process in sorted(leftovers.of_postgres(data), key=lambda one: one.create_time()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)
                stopped.append(process)
        yield
    finally:
        for process in reversed(stopped):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
