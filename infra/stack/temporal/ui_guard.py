"""Stands before Temporal UI, which answers under any name: passes on what this machine's own browser asks.

The UI itself listens on a port and a loopback address that are not published.
"""

import random
import sys
from collections.abc import Mapping

import aiohttp
from aiohttp import web

from infra.security.known_hosts import REFUSED, may_resolve
from infra.stack.data_dir.ports import HOST

# Of one connection, not of the message (RFC 9110, 7.6.1); the length is counted anew.
_HOPS = frozenset(
    {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
)
_MAX_BODY_BYTES = 16 * 1024 * 1024


def hidden_host() -> str:
    """An address of the loopback interface that a page cannot guess; elsewhere than on Linux there is but one."""
    if not sys.platform.startswith("linux"):
        return HOST
    return f"127.{random.SystemRandom().randrange(1, 255)}.{random.SystemRandom().randrange(1, 255)}.7"


class UiGuard:
    """Listens on `port` of this machine and passes on to `upstream` (http://HOST:PORT). Use start() and stop() once."""

    def __init__(self, port: int, upstream: str) -> None:
        self._port, self._upstream = port, upstream

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        timeout = aiohttp.ClientTimeout(total=None, connect=5)
        self._client = aiohttp.ClientSession(timeout=timeout, auto_decompress=False)
        app = web.Application(client_max_size=_MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, HOST, self._port, reuse_address=True).start()

    async def stop(self) -> None:
        """Listen no more."""
        await self._runner.cleanup()
        await self._client.close()

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        if not may_resolve(request.headers.get("host", ""), request.headers.get("origin")):
            return web.Response(status=403, body=REFUSED)
        content = await request.read()
        target = f"{self._upstream}{request.raw_path}"
        try:
            request_ = self._client.request(
                request.method, target, headers=_forwarded(request.headers), data=content, allow_redirects=False
            )
            async with request_ as answer:
                return await _copied(request, answer)
        except aiohttp.ClientConnectionError:
            return web.Response(status=502, text="Temporal UI does not answer; is Temporal being started again?\n")


async def _copied(request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    for name, value in answer.headers.items():
        if name.lower() not in _HOPS:
            response.headers.add(name, value)
    await response.prepare(request)
    async for piece in answer.content.iter_chunked(65_536):
        await response.write(piece)
    await response.write_eof()
    return response


def _forwarded(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _HOPS}
