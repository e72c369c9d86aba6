"""Which addresses events may be sent to: public ones, so that nobody reaches our own network through us."""

import asyncio
import socket
from urllib.parse import urlsplit

from api.errors import Problem
from infra.webhook_client import may_be_reached

_RESOLVE_TIMEOUT_S = 5.0


async def require_public(url: str, *, allow_private: bool) -> None:
    """Raises Problem `webhook_target_refused` unless `url` is https to a public host.

    `allow_private` (a setting, for development) also lets http and private addresses through. What a name resolves
    to may change later: delivery checks again.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("this is not a URL") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("a URL with a host, without credentials and fragment, is needed")
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise _refused("only https is accepted")
    if not allow_private:
        await _require_public_host(host, port or 443)


async def _require_public_host(host: str, port: int) -> None:
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, TimeoutError):
        raise _refused("the host cannot be found") from None
    if not found or not all(may_be_reached(str(address[0]).partition("%")[0]) for *_, address in found):
        raise _refused("the host is not a public address")


def _refused(detail: str) -> Problem:
    return Problem("webhook_target_refused", detail)
