"""One deny list: no special-purpose address, no IPv6 address that carries an IPv4 one, no unusual port."""

import ipaddress
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from infra import webhook_client
from infra.security.network_addresses import Reach, is_public
from infra.settings import Settings
from infra.webhook_client import PublicOnlyTransport, TargetRefusedError

PUBLIC = ("8.8.8.8", "1.1.1.1", "93.184.215.14", "192.0.1.1", "223.255.255.254", "2606:4700::1111", "2a00:1450::8a")
SPECIAL = (
    *("0.0.0.0", "10.0.0.8", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.31.255.255", "192.0.0.170"),
    *("192.0.2.1", "192.31.196.1", "192.52.193.1", "192.88.99.1", "192.168.1.1", "192.175.48.1", "198.19.0.1"),
    *("198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "100::1", "100:0:0:1::1", "2001::1", "2001:2::1", "2001:20::1", "2001:db8::1", "2620:4f:8000::1"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1"),
)
CARRIERS = (
    *("::ffff:{v4}", "::{v4}", "::ffff:0:{v4}", "64:ff9b::{v4}", "64:ff9b:1::{v4}", "64:ff9b:1:ffff::{v4}"),
    *("2002:{hex}::", "2002:{hex}::1", "2001:0:{hex}::", "2001:0:0:0:0:0:{hex}"),
    *("2a00::5efe:{v4}", "2a00::200:5efe:{v4}", "fe80::5efe:{v4}"),
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_reached(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", SPECIAL)
def test_no_special_purpose_address_may_be_reached(address: str) -> None:
    assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_no_ipv6_form_of_an_ipv4_address_may_be_reached(inner: ipaddress.IPv4Address) -> None:
    """Of a public one neither: who translates it, and into which network, cannot be known."""
    digits = f"{int(inner) >> 16:x}:{int(inner) & 0xFFFF:x}"
    assert not [form for form in CARRIERS if is_public(form.format(v4=inner, hex=digits))]


@given(st.ip_addresses())
def test_what_python_calls_not_global_is_never_reached(ip: Any) -> None:
    assert ip.is_global or not is_public(str(ip))


def test_own_networks_are_denied_by_a_setting() -> None:
    reach = Reach.from_settings(Settings(webhook_denied_networks="8.8.8.0/24, 2606:4700::/32", webhook_ports="443"))
    assert [reach.address(one) for one in ("8.8.8.8", "8.8.9.8", "2606:4700::1", "2a00::1")] == [0, 1, 0, 1]
    assert (reach.port(443), reach.port(80)) == (True, False)


@pytest.mark.parametrize("ports", ["", "https", "443,", "0", "70000", "443 80"])
def test_ports_that_are_none_are_refused_at_start(ports: str) -> None:
    with pytest.raises(ValidationError, match="must be ports such as 80,443"):
        Settings(webhook_ports=ports)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to here: nobody is asked, and nothing is connected to."""
    known: dict[str, list[str]] = {}

    async def resolve(host: str, _: int) -> list[str]:
        return known.get(host, [host])

    async def connect(_: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        return httpx.Response(204, headers={"x-connected": f"{request.url.host}:{request.url.port or ''}"})

    monkeypatch.setattr(webhook_client, "resolve", resolve)
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", connect)
    return known


async def sent(url: str, reach: Reach) -> str:
    async with httpx.AsyncClient(transport=PublicOnlyTransport(reach)) as http:
        return (await http.post(url)).headers["x-connected"]


async def test_address_and_port_are_checked_again_when_connecting(names: dict[str, list[str]]) -> None:
    names["shop.example"] = ["93.184.215.14"]
    names["turned.example"] = ["93.184.215.14", "10.0.0.1"]
    assert await sent("https://shop.example/hook", Reach()) == "93.184.215.14:"
    for url in (
        "https://turned.example/",
        "https://shop.example:6379/",
        "http://shop.example:22/",
        "https://shop.example:0/",
        "https://127.1.2.3/",
    ):
        with pytest.raises(TargetRefusedError):
            await sent(url, Reach())
    assert await sent("https://shop.example:8443/", Reach(ports=frozenset({8443}))) == "93.184.215.14:8443"
