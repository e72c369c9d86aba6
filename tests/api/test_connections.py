"""A connection has a time to say what it wants, and a size to say it in; an address has so many connections."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from api.app import create_app
from api.server import config_of
from infra.security.tokens import issue
from tests.api.conftest import TOKEN_SECRET, settings_for
from tests.conftest import DatabaseUrls

HURRIED = {"header_timeout_s": 0.3, "body_timeout_s": 0.5, "max_header_bytes": 4_096, "connections_per_address": 20}
READER, WRITER = 0, 1
Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def listening(urls: DatabaseUrls, **changed: Any) -> AsyncIterator[int]:
    """The front door on a socket, as `oms api` runs it."""
    settings = settings_for(urls, api_port=0, **(HURRIED | changed))
    config = config_of(create_app(settings), settings)
    config.loop = "none"
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await running


@pytest.fixture(scope="module")
async def port(database_url: DatabaseUrls) -> AsyncIterator[int]:
    async with listening(database_url) as at:
        yield at


async def read_to_end(pair: Pair) -> bytes:
    """All that comes until the other side closes."""
    async with asyncio.timeout(60):
        return await pair[READER].read()


async def opened(port: int, sent: bytes) -> Pair:
    pair = await asyncio.open_connection("127.0.0.1", port)
    pair[WRITER].write(sent)
    return pair


HEAD = b"POST /v1/orders HTTP/1.1\r\nHost: here\r\n"


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"\r\n", b" 408 "),
        (HEAD, b" 408 "),
        (HEAD + b"Content-Length: 100\r\n\r\n{", b" 408 "),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\n", b" 408 "),
        (b"GET /" + b"x" * 5_000, b" 431 "),
        (HEAD + b"X: " + b"y" * 5_000, b" 431 "),
        (HEAD + b"X: " + b"y" * 5_000 + b"\r\n\r\n", b" 431 "),
        (HEAD + b"".join(b"X-%d: y\r\n" % n for n in range(600)) + b"\r\n", b" 431 "),
    ],
    ids=[
        *("nothing", "an empty line", "half a head", "half a body", "half a chunk"),
        *("a large target", "a large field", "a large head", "many fields"),
    ],
)
async def test_a_request_that_is_not_whole_is_closed(port: int, sent: bytes, answer: bytes) -> None:
    # Without a token the body is not waited for: this is about its arrival.
    token = issue(TOKEN_SECRET, "support", "amy", 600)
    sent = sent.replace(HEAD, HEAD + f"Authorization: Bearer {token}\r\nIdempotency-Key: k\r\n".encode())
    pair = await opened(port, sent)
    got = await read_to_end(pair)
    pair[WRITER].close()
    assert answer in got.partition(b"\r\n")[0] if answer else got == b""
    assert not answer or b"application/problem+json" in got


async def test_three_hundred_half_sent_requests_are_gone_soon(database_url: DatabaseUrls) -> None:
    async with listening(database_url, header_timeout_s=3.0) as at:  # longer than 300 connections take to be opened
        pairs = [await opened(at, HEAD) for _ in range(300)]
        answers = await asyncio.gather(*(read_to_end(pair) for pair in pairs), return_exceptions=True)
        for pair in pairs:
            pair[WRITER].close()
        alive = await opened(at, b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await read_to_end(alive)
    # what was written to a connection that is closed already comes back as a reset, in place of the answer
    codes = [answer.partition(b"\r\n")[0] for answer in answers if isinstance(answer, bytes)]
    assert len([code for code in codes if b" 408 " in code]) == HURRIED["connections_per_address"]
    assert all(b" 408 " in code or b" 429 " in code or code == b"" for code in codes)


async def test_a_proxy_holds_as_many_connections_as_it_likes(database_url: DatabaseUrls) -> None:
    async with listening(database_url, connections_per_address=1, trusted_proxies="127.0.0.1") as at:
        pairs = [await opened(at, b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n") for _ in range(3)]
        for pair in pairs:
            assert b" 200 " in await pair[READER].readline()
            pair[WRITER].close()


async def test_a_connection_is_used_again_and_keeps_its_bounds(port: int) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n"
    pair = await opened(port, ask + ask)
    for _ in range(2):
        head = await pair[READER].readuntil(b"\r\n\r\n")
        assert b" 200 " in head
        await pair[READER].readexactly(len(b'{"status":"ok"}'))
    pair[WRITER].write(ask)
    assert b" 200 " in await pair[READER].readuntil(b"\r\n\r\n")
    await pair[READER].readexactly(len(b'{"status":"ok"}'))
    pair[WRITER].write(b"GET /heal")
    assert b" 408 " in await read_to_end(pair)
    pair[WRITER].close()


async def test_an_upload_that_is_broken_off_is_no_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    token = issue(TOKEN_SECRET, "support", "amy", 600)
    head = HEAD + f"Authorization: Bearer {token}\r\nIdempotency-Key: k\r\nContent-Length: 100\r\n\r\n".encode()
    with caplog.at_level(logging.INFO):
        pair = await opened(port, head + b'{"channel"')
        await asyncio.sleep(0)
        pair[WRITER].transport.abort()
        answer = await opened(port, b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await read_to_end(answer)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_is_no_request_is_a_problem_too(port: int) -> None:
    for sent in (b"\x16\x03\x01\x02\x00 no tls here\r\n\r\n", b"GET / HTTP/1.1\r\nno field\r\n\r\n"):
        answer = await read_to_end(await opened(port, sent))
        assert answer.startswith(b"HTTP/1.1 400 ") and b"application/problem+json" in answer, answer
        assert b'"code":"invalid_request"' in answer


async def test_another_protocol_is_not_taken_up_and_no_line_in_the_log(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    requested = b"GET /healthz HTTP/1.1\r\nHost: here\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    with caplog.at_level(logging.INFO):
        pair = await opened(port, requested)
        assert b" 200 " in await pair[READER].readuntil(b"\r\n\r\n")
        pair[WRITER].close()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
