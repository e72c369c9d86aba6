"""Connections: how long a request may take to arrive, how large its head may be, how many an address may hold open.

Without this, uvicorn waits for ever for the rest of a request, and keeps headers of any size in memory.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.errors import MEDIA_TYPE, STATUSES, body
from infra.security.network_addresses import source_of
from infra.settings import Settings

_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds, bytes and a count; 0 connections: any number. `proxies` may hold as many as they like."""

    header_timeout_s: float
    body_timeout_s: float
    max_header_bytes: int
    per_address: int
    proxies: str = ""

    @classmethod
    def from_settings(cls, settings: Settings) -> "Bounds":
        """As the settings of the front door say."""
        return cls(
            settings.header_timeout_s,
            settings.body_timeout_s,
            settings.max_header_bytes,
            settings.connections_per_address,
            settings.trusted_proxies,
        )

    def is_proxy(self, address: str) -> bool:
        """True for an address of a proxy of ours, behind which are many visitors."""
        return any(ip_address(address) in ip_network(net) for net in self.proxies.split(",") if net)


def bounded(bounds: Bounds) -> type[HttpToolsProtocol]:
    """uvicorn's protocol with these bounds; connections are counted over all that share the returned class."""
    return type("Bounded", (BoundedProtocol,), {"bounds": bounds, "held": Counter()})


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What does not keep the bounds is answered with a problem, if it asked anything, and closed."""

    bounds: Bounds
    held: Counter[str]

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes, self._refused = 0, False
        self._address = self.client[0] if self.client else ""
        self._source = source_of(self._address)
        self.held[self._source] += 1
        if 0 < self.bounds.per_address < self.held[self._source] and not self.bounds.is_proxy(self._address):
            self._refuse(
                "too_many_connections", f"at most {self.bounds.per_address} connections per address are served"
            )
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        self.held[self._source] -= 1
        if self.held[self._source] <= 0:
            del self.held[self._source]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > self.bounds.max_header_bytes:
            self._refuse_head()

    def on_headers_complete(self) -> None:
        self._disarm()
        head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if head_bytes > self.bounds.max_header_bytes:
            self._refuse_head()
            return
        self._in_head = False
        super().on_headers_complete()
        self._timer = self.loop.call_later(self.bounds.body_timeout_s, self._body_late)

    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._refused:
            return
        self._disarm()
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Input that is not HTTP is answered like every other invalid request."""
        self._refuse("invalid_request", "this is not a request of HTTP/1.1")

    def _unsupported_upgrade_warning(self) -> None:
        """Asking for another protocol is anybody's right, and no line in the log: the request is answered as it is."""

    def _await_head(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._timer = self.loop.call_later(self.bounds.header_timeout_s, self._head_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_late(self) -> None:
        if self._head_bytes:
            self._refuse("request_timeout", f"the head of a request arrives within {self.bounds.header_timeout_s:g} s")
        self.transport.close()

    def _body_late(self) -> None:
        if self.cycle is not None and not self.cycle.response_started:
            self._refuse("request_timeout", f"the body of a request arrives within {self.bounds.body_timeout_s:g} s")
        self.transport.close()

    def _refuse_head(self) -> None:
        self._refuse("headers_too_large", f"target and header fields have at most {self.bounds.max_header_bytes} bytes")

    def _refuse(self, code: str, detail: str) -> None:
        """Say why and close; nothing more of this connection is read."""
        if self._refused:
            return
        self._refused = True
        self._disarm()
        status = STATUSES[code]
        content = body(status, code, detail)
        head = f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: {MEDIA_TYPE}\r\ncontent-length: {len(content)}"
        self.transport.write(f"{head}\r\nconnection: close\r\n\r\n".encode() + content)
        self.transport.close()
