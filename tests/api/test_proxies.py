"""Whose address a request has: the peer's, unless a proxy that is named says otherwise."""

import httpx
import pytest
from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from api.server import config_of
from infra.settings import Settings


async def asking(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the caller's address and scheme."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": f"{scope['client'][0]} {scope['scheme']}".encode()})


async def client_address(trusted: str, peer: str, text: str) -> str:
    config = config_of(asking, Settings(trusted_proxies=trusted))
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(peer, 5000))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://oms") as http:
        headers = {"X-Forwarded-For": text, "X-Forwarded-Proto": "https"}
        return (await http.get("/", headers=headers)).text


@pytest.mark.parametrize(
    ("trusted", "peer", "text", "expected"),
    [
        ("", "127.0.0.1", "203.0.113.9", "127.0.0.1 http"),
        ("", "10.0.0.5", "203.0.113.9", "10.0.0.5 http"),
        ("10.0.0.5", "10.0.0.5", "203.0.113.9", "203.0.113.9 https"),
        ("10.0.0.5", "10.0.0.6", "203.0.113.9", "10.0.0.6 http"),
        # What the visitor wrote before the proxy is not believed.
        ("10.0.0.0/8", "10.0.0.5", "198.51.100.1, 203.0.113.9, 10.2.3.4", "203.0.113.9 https"),
    ],
)
async def test_only_named_proxies_are_believed(trusted: str, peer: str, text: str, expected: str) -> None:
    assert await client_address(trusted, peer, text) == expected


@pytest.mark.parametrize("trusted", ["*", "proxy.example", "10.0.0.0/99"])
def test_what_is_no_address_is_refused(trusted: str) -> None:
    with pytest.raises(ValidationError, match="must be addresses"):
        Settings(trusted_proxies=trusted)
