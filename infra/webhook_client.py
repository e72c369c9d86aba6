"""Signed webhooks to addresses that strangers gave us: Standard Webhooks, and nothing inside our own network."""

import asyncio
import socket
from datetime import UTC, datetime

import httpx
from standardwebhooks import Webhook

from infra.security.network_addresses import Reach


class TargetRefusedError(Exception):
    """The host is, or resolves to, an address that webhooks may not reach."""


async def resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, without zones. Raises OSError and UnicodeError when it has none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class PublicOnlyTransport(httpx.AsyncBaseTransport):
    """Resolves the host itself, refuses what `reach` does, and connects to the very address that it checked.

    Checking first and letting the client resolve again would let a name answer differently the second time.
    """

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.scheme not in ("http", "https"):
            raise TargetRefusedError("scheme")
        if not self._reach.private:
            host = request.url.host
            request.extensions = {**request.extensions, "sni_hostname": host}
            request.url = request.url.copy_with(host=await self._checked(host, request))
        return await self._inner.handle_async_request(request)

    async def _checked(self, host: str, request: httpx.Request) -> str:
        port = request.url.port
        if port is None:
            port = 443 if request.url.scheme == "https" else 80
        if not self._reach.port(port):
            raise TargetRefusedError("port")
        try:
            addresses = await resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("the host has no address", request=request) from error
        if not addresses or not all(self._reach.address(address) for address in addresses):
            raise TargetRefusedError("address")
        return addresses[0]

    async def aclose(self) -> None:
        await self._inner.aclose()


def client(timeout_s: float, reach: Reach) -> httpx.AsyncClient:
    """For one endpoint: connections are shared by address, so two hosts must not share a client.

    Follows no redirects, uses no proxy. Raises TargetRefusedError besides httpx's own errors.
    """
    return httpx.AsyncClient(
        transport=PublicOnlyTransport(reach),
        timeout=timeout_s,
        follow_redirects=False,
        trust_env=False,
    )


def signed_headers(secret: str, message_id: str, body: str) -> dict[str, str]:
    """The headers of Standard Webhooks for `body`, signed now. `secret` is `whsec_…`."""
    now = datetime.now(UTC)
    return {
        "content-type": "application/json",
        "user-agent": "durable-oms",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message_id, now, body),
    }


async def exchange(
    http: httpx.AsyncClient, url: str, headers: dict[str, str], body: bytes, limit: int
) -> tuple[int, bytes]:
    """The status code and the first `limit` bytes of the answer, for services that say there what they think."""
    read = b""
    async with http.stream("POST", url, headers=headers, content=body) as response:
        async for piece in response.aiter_bytes():
            read += piece
            if len(read) >= limit:
                break
        return response.status_code, read[:limit]


async def post(http: httpx.AsyncClient, url: str, headers: dict[str, str], body: str) -> int:
    """The status code of the answer, whose body is not read."""
    async with http.stream("POST", url, headers=headers, content=body) as response:
        return response.status_code
