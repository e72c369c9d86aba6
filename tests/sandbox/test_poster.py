"""The small HTTP client behind webhooks, against receivers that behave in every way that HTTP allows, and worse."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

import pytest

from infra.sandbox.poster import Poster, PostError

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def take(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    return head + await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))


@asynccontextmanager
async def receiver(talk: Talk) -> AsyncIterator[tuple[Poster, list[bytes]]]:
    """A poster to a server on which each new connection is handed to `talk`, and one entry for each connection."""
    connections: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(b"")
        try:
            await talk(reader, writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    poster = Poster(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks?from=sandbox")
    try:
        yield poster, connections
    finally:
        poster.close()
        server.close()


async def test_one_connection_serves_many_posts() -> None:
    observed: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            observed.append(await take(reader))
            writer.write(OK)

    async with receiver(talk) as (poster, connections):
        assert [await poster.post(b"{}", {"webhook-id": "1"}) for _ in range(3)] == [200] * 3
        assert len(connections) == 1
    assert observed[0].startswith(b"POST /hooks?from=sandbox HTTP/1.1\r\nhost: 127.0.0.1:")
    assert observed[0].endswith(b"webhook-id: 1\r\ncontent-length: 2\r\n\r\n{}")


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 202),
        (b"HTTP/1.1 503 Gone\r\nconnection: close\r\ncontent-length: 0\r\n\r\n", 503),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n", 200),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", 200),
    ],
)
async def test_answers_of_every_shape(answer: bytes, status: int) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take(reader)
        for position in range(len(answer)):
            writer.write(answer[position : position + 1])
            await writer.drain()
        await reader.read()

    async with receiver(talk) as (poster, _):
        assert await poster.post(b"{}", {}) == status


async def test_a_connection_closed_while_idle_is_replaced() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take(reader)
        writer.write(OK)

    async with receiver(talk) as (poster, connections):
        assert [await poster.post(b"{}", {}) for _ in range(3)] == [200] * 3
        assert len(connections) == 3


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n", b"no HTTP at all\r\n\r\n"])
async def test_no_answer_is_an_error_and_the_next_post_starts_anew(answer: bytes) -> None:
    answers = [answer, OK]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await take(reader)
        writer.write(answers.pop(0))

    async with receiver(talk) as (poster, _):
        with pytest.raises(PostError):
            await poster.post(b"{}", {})
        assert await poster.post(b"{}", {}) == 200


async def test_silence_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.sandbox.poster._TIMEOUT_S", 0.1)

    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with receiver(talk) as (poster, _):
        with pytest.raises(PostError, match="TimeoutError"):
            await poster.post(b"{}", {})


async def test_nobody_there() -> None:
    with pytest.raises(PostError, match="ConnectionRefusedError"):
        await Poster("http://127.0.0.1:1/").post(b"{}", {})
