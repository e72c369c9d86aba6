"""Refuses calls that a browser makes on a stranger's behalf to a server which asks nobody for a token.

A page elsewhere can send requests to servers on the reader's machine, and under a name that it turns to 127.0.0.1 (DNS
rebinding) read the answers too. Both show: in the Host header, which names the page's host, and in Origin.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send

REFUSED = b"this server answers under its own address only\n"


def is_known(host: str, also: Iterable[str] = ()) -> bool:
    """True for a Host header that names the loopback interface, or one of `also`; the port does not count."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name in {one.lower() for one in also}:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def may_resolve(host: str, origin: str | None, also: Iterable[str] = ()) -> bool:
    """True when neither header names somebody else. Programs that are no browsers send no Origin."""
    return is_known(host, also) and (origin is None or is_known(origin.partition("://")[2], also))


class KnownHosts:
    """Answers 403 to whoever may not ask; `also` are host names beside the loopback ones."""

    def __init__(self, app: ASGIApp, also: Iterable[str] = ()) -> None:
        self.app, self._also = app, tuple(also)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or self._may_resolve(dict(scope["headers"])):
            await self.app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(REFUSED)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": REFUSED})

    def _may_resolve(self, headers: dict[bytes, bytes]) -> bool:
        origin = headers.get(b"origin")
        host = headers.get(b"host", b"").decode("latin-1")
        return may_resolve(host, None if origin is None else origin.decode("latin-1"), self._also)
