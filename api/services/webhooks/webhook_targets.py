"""Which URLs events may be sent to: public ones, so that nobody reaches our own network through us."""

import asyncio
from urllib.parse import urlsplit

from api.errors import Problem
from infra import webhook_client
from infra.security.network_addresses import Reach

_RESOLVE_TIMEOUT_S = 5.0


async def require_public(url: str, reach: Reach) -> None:
    """Raises Problem `webhook_target_refused` unless `url` is https to a public host on a port of `reach`.

    Where private targets are allowed (for development), http and every address and port are, too. What a name
    resolves to may change later: delivery checks again.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _refused("this is not a URL") from None
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        raise _refused("a URL with a host, without credentials and fragment, is needed")
    if parts.scheme not in (("https", "http") if reach.private else ("https",)):
        raise _refused("only https is accepted")
    if reach.private:
        return
    port = 443 if port is None else port
    if not reach.port(port):
        raise _refused(f"only the ports {', '.join(str(one) for one in sorted(reach.ports))} are accepted")
    await _require_public_host(host, port, reach)


async def _require_public_host(host: str, port: int, reach: Reach) -> None:
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await webhook_client.resolve(host, port)
    except (OSError, UnicodeError, TimeoutError):
        raise _refused("the host cannot be found") from None
    if not found or not all(reach.address(address) for address in found):
        raise _refused("the host is not a public address")


def _refused(detail: str) -> Problem:
    return Problem("webhook_target_refused", detail)
