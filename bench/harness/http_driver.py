"""A load driver that is not the bottleneck: HTTP/1.1 over kept connections, a tenth of a general client's cost.

`python -m bench.harness.http_driver` reads a Load as JSON and prints a result as JSON.
"""

import asyncio
import json
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import uvloop

from bench.harness.lab import percentile

_END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """In `body` and `headers`, {n} is the request's number, {c} and {s} that number modulo `customers` and `skus`.

    With `rate` (requests a second) the loop is open: requests are due at fixed moments and timed from them. Without it
    each connection sends its next request when it has its answer.
    """

    host: str
    port: int
    method: str
    path: str
    count: int
    connections: int = 16
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""
    rate: float | None = None
    first: int = 0
    customers: int = 1000
    skus: int = 100
    keep_answers: bool = False


class Connection(asyncio.Protocol):
    """One request at a time."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(_END_OF_HEAD)
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length: ") + 16
        assert at > 15, "an answer with a length is expected"
        stop = head.find(b"\r\n", at)
        total = end + 4 + int(head[at : stop if stop > 0 else end])
        if len(self._buffer) < total:
            return
        status, body, self._buffer = int(head[9:12]), self._buffer[end + 4 : total], self._buffer[total:]
        if self._answer is not None:
            self._answer.set_result((status, body))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body."""
        assert self.transport is not None
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer


class Driver:
    """Runs one load."""

    def __init__(self, load: Load) -> None:
        self._load = load
        head = f"{load.method} {load.path} HTTP/1.1\r\nhost: {load.host}:{load.port}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        self._head = head
        self._sent = 0
        self.latencies_s: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.answers: list[Any] = []

    def _request(self, n: int) -> bytes:
        load = self._load

        def filled(text: str) -> str:
            text = text.replace("{n}", str(n)).replace("{c}", str(n % load.customers))
            return text.replace("{s}", str(n % load.skus))

        body = filled(load.body).encode()
        length = f"content-length: {len(body)}\r\n" if body else ""
        return (filled(self._head) + length + "\r\n").encode() + body

    async def _connected(self) -> list[Connection]:
        loop, load = asyncio.get_running_loop(), self._load
        pairs = [loop.create_connection(Connection, load.host, load.port) for _ in range(load.connections)]
        return [protocol for _, protocol in await asyncio.gather(*pairs)]

    async def run(self) -> dict[str, Any]:
        connections = await self._connected()
        started, cpu, begun = time.time(), time.process_time(), time.perf_counter()
        if self._load.rate is None:
            await asyncio.gather(*(self._closed(connection) for connection in connections))
        else:
            await self._open(connections, self._load.rate)
        seconds = time.perf_counter() - begun
        for connection in connections:
            if connection.transport is not None:
                connection.transport.close()
        return self._result(started, seconds, time.process_time() - cpu)

    async def _closed(self, connection: Connection) -> None:
        while self._sent < self._load.count:
            n, self._sent = self._load.first + self._sent, self._sent + 1
            await self._one(connection, n, time.perf_counter())

    async def _open(self, connections: list[Connection], rate: float) -> None:
        loop, free, due = asyncio.get_running_loop(), deque(connections), deque[tuple[int, float]]()
        done = loop.create_future()
        left = self._load.count

        async def work(connection: Connection) -> None:
            nonlocal left
            while due:
                await self._one(connection, *due.popleft())
                left -= 1
            free.append(connection)
            if left == 0 and not done.done():
                done.set_result(None)

        running: set[asyncio.Task[None]] = set()
        begin = time.perf_counter()
        for n in range(self._load.count):
            at = begin + n / rate
            if (pause := at - time.perf_counter()) > 0:
                await asyncio.sleep(pause)
            due.append((self._load.first + n, at))
            if free:
                task = asyncio.create_task(work(free.popleft()))
                running.add(task)
                task.add_done_callback(running.discard)
        await done

    async def _one(self, connection: Connection, n: int, since: float) -> None:
        status, body = await connection.send(self._request(n))
        self.latencies_s.append(time.perf_counter() - since)
        self.statuses[status] += 1
        if self._load.keep_answers or status >= 400:
            self.answers.append(json.loads(body))

    def _result(self, started: float, seconds: float, cpu_s: float) -> dict[str, Any]:
        bad = {status: n for status, n in self.statuses.items() if status >= 400}
        assert not bad, f"{bad}: {self.answers[:2]}"
        return {
            "started": started,
            "seconds": seconds,
            "count": len(self.latencies_s),
            "per_s": len(self.latencies_s) / seconds,
            "p50_ms": 1000 * percentile(self.latencies_s, 0.5),
            "p99_ms": 1000 * percentile(self.latencies_s, 0.99),
            "max_ms": 1000 * max(self.latencies_s),
            "driver_busy": cpu_s / seconds,
            "answers": self.answers,
        }


def as_spec(load: Load) -> dict[str, Any]:
    """The load as `lab.program` takes it."""
    return asdict(load)


def main() -> None:
    load = Load(**json.load(sys.stdin))
    print(json.dumps(uvloop.run(Driver(load).run())))


if __name__ == "__main__":
    main()
