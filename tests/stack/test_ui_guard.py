"""Servers that ask nobody for a token answer under this machine's own name only."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.security.known_hosts import may_resolve
from infra.stack.data_dir.ports import HOST, any_free
from infra.stack.processes import probes
from infra.stack.temporal import ui_guard
from infra.stack.temporal.temporal_server import TemporalServer


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[TemporalServer, str]]:
    """Temporal with its UI behind the guard, and the address that people use."""
    folder, ports = tmp_path_factory.mktemp("ui"), set[int]()
    for _ in range(3):
        ports.add(any_free(ports))
    at, hidden, port = ports
    server = TemporalServer(folder / "temporal.db", at, folder / "log", ui_port=hidden, ui_host=ui_guard.hidden_host())
    guard = ui_guard.UiGuard(port, server.ui_url)
    await guard.start()
    async with server.running():
        await asyncio.wait_for(probes.until(lambda: probes.http_ok(HOST, port, "/api/v1/namespaces")), 60)
        yield server, f"http://{HOST}:{port}"
    await guard.stop()


FOREIGN = [
    {"Host": "evil.example"},
    {"Host": "127.0.0.1.evil.example:8233"},
    {"Host": "localhost.evil.example"},
    {"Host": "10.0.0.8"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.example"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_temporal_ui_refuses_foreign_hosts_and_origins(
    guarded: tuple[TemporalServer, str], headers: dict[str, str]
) -> None:
    async with httpx.AsyncClient(base_url=guarded[1]) as http:
        for path in ("/", "/api/v1/namespaces"):
            assert (await http.get(path, headers=headers)).status_code == 403


async def test_this_machines_browser_sees_temporal_ui_as_it_is(guarded: tuple[TemporalServer, str]) -> None:
    server, base = guarded
    async with httpx.AsyncClient(base_url=base) as http, httpx.AsyncClient(base_url=server.ui_url) as hidden:
        page = await http.get("/namespaces/default/workflows")
        assert page.status_code == 200 and page.text == (await hidden.get("/namespaces/default/workflows")).text
        listed = await http.get("/api/v1/namespaces?pageSize=5", headers={"Host": "localhost:1", "Origin": base})
        assert listed.status_code == 200, listed.text
        assert "default" in [one["namespaceInfo"]["name"] for one in listed.json()["namespaces"]]
        asset = next(part.split('"')[0] for part in page.text.split('href="')[1:] if "_app/" in part)
        script = await http.get(httpx.URL(base).join(asset))
        assert (script.status_code, len(script.content) > 0) == (200, True)
        written = await http.post("/api/v1/namespaces", json={"namespace": "x"})
        assert written.status_code == 400 and "csrf" in written.text  # Temporal UI's own answer
    assert not server.ui_url.startswith(f"http://{HOST}:") or ui_guard.hidden_host() == HOST


async def test_a_server_that_is_away_is_said(tmp_path: Path) -> None:
    port = any_free(set())
    guard = ui_guard.UiGuard(port, f"http://127.0.0.1:{any_free({port})}")
    await guard.start()
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://{HOST}:{port}/")
    await guard.stop()
    assert (answer.status_code, "does not answer" in answer.text) == (502, True)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.8.7:80", "localhost:8010", "[::1]:8010", "sandbox:8010"])
def test_known_hosts(host: str) -> None:
    assert may_resolve(host, None, also=("sandbox",)) and may_resolve(host, f"http://{host}", also=("sandbox",))


@pytest.mark.parametrize("host", ["", ":80", "[::1", "0x7f000001", "2130706433", "sandbox.evil.example", "a b"])
def test_other_hosts(host: str) -> None:
    assert not may_resolve(host, None, also=("sandbox",))
    assert not may_resolve("localhost", f"http://{host}", also=("sandbox",))
